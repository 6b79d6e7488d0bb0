"""Where one running platform keeps its things: state, settings, data, logs, lock."""

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from music_platform.deployment import settings
from music_platform.deployment.settings import Content, Value
from music_platform.deployment.terraform import Terraform
from music_platform.errors import PlatformError

DEFAULT_NAME = "default"
DEFAULT_ENVIRONMENT = "local"
# Terraform loads a file of such a name by itself.
DEFAULT_SETTINGS = "settings.auto.tfvars.json"


@dataclass(frozen=True)
class Instance:
    """One platform: a name, an environment (a root module of Terraform) and a home."""

    checkout: Path
    home: Path
    name: str = DEFAULT_NAME
    environment: str = DEFAULT_ENVIRONMENT
    terraform_binary: str = "terraform"

    @property
    def directory(self) -> Path:
        """All that belongs to this instance alone; of the local environment data included."""
        folder = "instances" if self.environment == DEFAULT_ENVIRONMENT else self.environment
        return self.home / folder / self.name

    @property
    def log_directory(self) -> Path:
        """One file a process."""
        return self.directory / "log"

    @property
    def supervisor_socket(self) -> Path:
        """Where the supervisor of the local processes listens."""
        return self.directory / "run" / "supervisor.sock"

    @property
    def root_module(self) -> Path:
        """The Terraform root module."""
        return self.checkout / "terraform" / self.environment

    @property
    def settings_file(self) -> Path:
        """The settings kept for the next `make up`."""
        if self.name == DEFAULT_NAME:
            return self.root_module / DEFAULT_SETTINGS
        return self.directory / "settings.tfvars.json"

    @property
    def exists(self) -> bool:
        """Whether this instance was started once and not destroyed since."""
        return self.directory.is_dir()

    def terraform(self) -> Terraform:
        """Return Terraform for the state of this instance."""
        # Terraform can only guess from the name of the user's home who is root.
        variables = {"home": str(self.home)}
        if self.name == DEFAULT_NAME:
            return Terraform(self.root_module, self.terraform_binary, variables=variables)
        return Terraform(
            self.root_module,
            self.terraform_binary,
            variables=variables,
            data_directory=self.directory / "terraform",
            backend_config={"path": str(self.directory / "terraform.tfstate")},
            variable_files=(self.settings_file,),
        )

    def keep_settings(self, given: Mapping[str, Value | None]) -> Content:
        """Merge what the user gave into the kept settings; return all of them, by Terraform variable."""
        settings.require_declared(given, self.root_module)
        values = settings.merged(settings.kept(self.settings_file), given)
        if self.name == DEFAULT_NAME:
            settings.keep(self.settings_file, values)
        else:
            values |= {"name": self.name, "home": str(self.home)}
            of_the_default = settings.kept(self.root_module / DEFAULT_SETTINGS)
            others = {*settings.declared(self.root_module), *of_the_default}
            settings.keep(self.settings_file, values, others=others)
        return values

    def written_settings(self) -> bytes | None:
        """Return the content of the file of kept settings; None when there is none."""
        return self.settings_file.read_bytes() if self.settings_file.exists() else None

    def write_settings_back(self, former: bytes | None) -> None:
        """Bring the file of kept settings to a former content."""
        if former is None:
            self.settings_file.unlink(missing_ok=True)
        else:
            settings.write(self.settings_file, former)

    @contextmanager
    def lock(self, purpose: str) -> Iterator[None]:
        """Let one command at a time change this instance; a second one is refused with a sentence."""
        file = self.directory.with_name(f".{self.name}.lock")
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a+", encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.seek(0)
                holder = handle.read().strip() or "another command"
                raise PlatformError(
                    f"The instance '{self.name}' is being changed by {holder}: wait for its end, or stop it."
                ) from None
            handle.truncate(0)
            handle.write(f"`{purpose}` (process {os.getpid()})")
            handle.flush()
            yield
            handle.truncate(0)


def find_checkout(start: Path) -> Path:
    """Return the checkout around `start`: the nearest directory with terraform/ and a Makefile."""
    for directory in (start, *start.parents):
        if (directory / "terraform").is_dir() and (directory / "Makefile").is_file():
            return directory
    raise PlatformError(
        f"{start} is not in a checkout of the platform: change into one, then repeat the command."
    )


def default_home(checkout: Path, *, as_root: bool) -> Path:
    """Return where a checkout keeps installed programs and data.

    Root's own directories are closed to the unprivileged user that PostgreSQL runs as, so root gets a place
    outside.
    """
    if not as_root:
        return checkout / ".platform"
    digest = hashlib.sha256(str(checkout).encode()).hexdigest()[:8]
    return Path("/var/lib/music-platform") / f"{checkout.name}-{digest}"


def select(checkout: Path, given: Mapping[str, Value | None]) -> Instance:
    """Return the instance that the user's settings name."""
    environment = str(given.get("ENV") or DEFAULT_ENVIRONMENT)
    environments = sorted(path.parent.name for path in (checkout / "terraform").glob("*/main.tf"))
    if environment not in environments:
        known = ", ".join(environments) or "none"
        raise PlatformError(f"There is no environment called {environment}: terraform/ has {known}.")
    name = str(given.get("NAME") or DEFAULT_NAME)
    home = given.get("HOME_DIR")
    if home is None and name == DEFAULT_NAME and "HOME_DIR" not in given:
        home = settings.kept(checkout / "terraform" / environment / DEFAULT_SETTINGS).get("home")
    return Instance(
        checkout=checkout,
        home=Path(str(home)) if home else default_home(checkout, as_root=os.geteuid() == 0),
        name=name,
        environment=environment,
        terraform_binary=str(given.get("TF") or "terraform"),
    )
