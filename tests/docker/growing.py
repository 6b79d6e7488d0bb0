"""Adding brokers and workers to a platform while events flow."""

from dataclasses import dataclass
from typing import Any

from tests.docker import engine, promises
from tests.docker.watching import Pauses
from tests.faults import books
from tests.second_platform import SecondPlatform


@dataclass(frozen=True)
class Growth:
    """What became of the stream meanwhile: its containers before and after, and the starts of its query."""

    before: dict[str, dict[str, Any]]
    after: dict[str, dict[str, Any]]
    query_starts: int
    longest_pause_s: float

    def untouched(self, service: str) -> bool:
        """Whether a service runs on in the container and the process that it had."""
        return all(
            self.before[service][key] == self.after[service][key] for key in ("Id", "RestartCount")
        ) and (self.before[service]["State"]["StartedAt"] == self.after[service]["State"]["StartedAt"])


def grow(platform: SecondPlatform, setting: str) -> Growth:
    """Apply a setting such as WORKERS=2 while events flow; none of them may be lost."""
    before = engine.containers(platform.name)
    starts = len(books.events_of(platform, "started"))
    with promises.kept(platform), Pauses(platform) as pauses:
        result = platform.run("up", setting)
        assert result.returncode == 0, result.stdout + result.stderr
    print(f"{setting}: the longest time without a new fact was {pauses.longest_s:.1f} s")
    return Growth(
        before,
        engine.containers(platform.name),
        len(books.events_of(platform, "started")) - starts,
        pauses.longest_s,
    )
