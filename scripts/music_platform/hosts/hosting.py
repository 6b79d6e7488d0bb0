"""What runs the servers of a platform: the one place of the command line where environments differ.

`terraform/local` has processes under a supervisor (`local_host`), `terraform/docker` containers
(`container_host`). Everything else of the command line knows a `Host` and the outputs of Terraform.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from music_platform.console.progress import Progress
from music_platform.deployment.instance import Instance
from music_platform.errors import PlatformError

Check = Callable[[], str]
"""Looks at one thing; returns what it found, or raises a PlatformError with the remedy."""


@dataclass(frozen=True)
class Program:
    """A server: `state` as its host says it, `pid` its process, `memory` the bytes that it uses."""

    name: str
    state: str
    pid: int | None
    since: datetime | None
    memory: int
    explanation: str

    @property
    def runs(self) -> bool:
        """Whether it is up."""
        return self.state == "running"


class Host(Protocol):
    """What runs the servers of one instance; every answer is fresh."""

    def checks(self, wanted_ports: Mapping[str, int]) -> Sequence[Check]:
        """Return what must be looked at before anything starts, beside what every environment needs."""

    def programs(self) -> list[Program]:
        """Return all servers in the order of their names; empty when nothing of the platform is there."""

    def before_apply(self, progress: Progress) -> None:
        """Bring back what Terraform believes to run although it was stopped behind its back."""

    def after_apply(self, progress: Progress) -> None:
        """Start the servers that stand still although Terraform saw nothing to change."""

    def before_destroy(self) -> None:
        """End what Terraform does not know and what would be in its way."""

    def after_destroy(self) -> None:
        """End what Terraform did not know any more."""

    def stop(self, name: str) -> None:
        """Stop a server, and wait until it has ended."""

    def start(self, name: str) -> None:
        """Start a server that was stopped, without waiting for it."""

    def pack(self, name: str, file: Path) -> None:
        """Write what a stopped server has stored to a compressed archive."""

    def unpack(self, name: str, file: Path) -> None:
        """Put an archive in the place of what a stopped server has stored."""

    def remove_data(self) -> int:
        """Remove what the servers stored; return how many bytes that were."""

    def where_the_data_is(self) -> str:
        """Say where the data stays after `make down`."""

    def what_stays(self) -> str:
        """Say what `make destroy` leaves for the next start."""

    def last_words(self, name: str, count: int) -> list[str]:
        """Return the last lines of a server's log."""

    def show_logs(self, component: str | None, lines: int, *, follow: bool) -> None:
        """Print the ends of the logs; with `follow`, go on until Ctrl-C."""


def of(instance: Instance) -> Host:
    """Return what runs the servers of the instance."""
    # Imported here: what one environment needs may be missing where the other is used.
    if instance.environment == "local":
        from music_platform.hosts.local_host import LocalHost

        return LocalHost(instance)
    if instance.environment == "docker":
        from music_platform.hosts.container_host import ContainerHost

        return ContainerHost(instance)
    raise PlatformError(
        f"The command line knows no way to run terraform/{instance.environment}: use Terraform."
    )


def chosen(names: Sequence[str], component: str | None) -> list[str]:
    """Return the names that begin with the component, or all."""
    if component is None:
        return sorted(names)
    wanted = component.replace("-", "_")
    found = [name for name in sorted(names) if name.replace("-", "_").startswith(wanted)]
    if not found:
        raise PlatformError(f"There is no log of {component}. There are: {', '.join(sorted(names))}.")
    return found
