"""Builds build/artifacts: all that is shipped to a target, whatever that is, with the sha256 of each file.

`music-platform artifacts` calls `build`; `python -m music_platform.artifacts lock` pins the jars of ivy.xml
anew.
"""

import fcntl
import gzip
import hashlib
import io
import os
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from music_platform.artifacts import jars, manifest
from music_platform.artifacts.manifest import Hashes
from music_platform.artifacts.wheels import Wheelhouse, build_own, pinned
from music_platform.console.progress import Progress
from music_platform.deployment.instance import find_checkout
from music_platform.errors import PlatformError


@dataclass(frozen=True)
class Component:
    """What a component is made of: whole folders, single files, a lock's packages, own distributions.

    They are cut so that a change restarts only what it concerns: the contract and the migrations are no part
    of the servers that they configure, and the stream job is no part of the cluster that runs it.
    """

    folders: Sequence[str] = ()
    files: Sequence[str] = ()
    lock: str | None = None
    own: Sequence[str] = ()


# The lock of the program that installs wheels on a target. It is shipped beside them, not among them.
INSTALLER = "installer"

COMPONENTS = {
    "kafka": Component(folders=["jars/kafka"]),
    "schema_registry": Component(folders=["registry"], lock="schema_registry"),
    "contract": Component(lock="contract", own=["contract"]),
    "postgres": Component(folders=["postgres"]),
    "migrations": Component(files=["sql.tar.gz"], lock="migrations"),
    "spark": Component(folders=["jars/spark"], lock="spark"),
    "spark_job": Component(own=["contract", "spark"]),
    "producer": Component(lock="producer", own=["contract", "producer"]),
    "superset": Component(lock="superset"),
    "dashboards": Component(files=["dashboards.tar.gz"]),
    # What some of them need of others: a layer of an image below theirs (scripts/provision/packages.sh).
    **{
        f"{name}_packages": Component(lock=name)
        for name in ("contract", "migrations", "producer", "spark", "superset")
    },
}

# Archives of the checkout's files: what they are called, the folder, and which of its files.
ARCHIVES = {
    "sql.tar.gz": ("sql", ("migrations/*.sql", "rollups/*.sql", "queries/*/query.sql")),
    "dashboards.tar.gz": ("superset", ("assets/**/*.yaml", "roles.yaml", "music_dashboards/*.py")),
}


def build(checkout: Path, progress: Progress) -> None:
    """Bring build/artifacts up to date; what has not changed is not built again."""
    with _exclusive(checkout / "build"):
        _Build(checkout, progress).run()


class _Build:
    def __init__(self, checkout: Path, progress: Progress) -> None:
        self._checkout = checkout
        self._progress = progress
        self._artifacts = checkout / "build" / "artifacts"
        self._artifacts.mkdir(parents=True, exist_ok=True)
        self._stamps = checkout / "build" / "stamps"
        self._hashes = Hashes(checkout / "build" / "hashes.json")
        # What has `wheel`, `setuptools` and `hatchling` in pinned versions.
        self._builder = checkout / "build" / "bootstrap" / "bin" / "python"

    def run(self) -> None:
        self._jars()
        for archive in ARCHIVES:
            self._archive(archive)
        own = {name: self._own_wheel(name) for name in self._own_names()}
        locked = self._locked_wheels()
        components = {
            name: list(self._files_of(component, own, locked, name)) for name, component in COMPONENTS.items()
        }
        described = manifest.describe(self._artifacts, components, self._hashes)
        self._remove_all_but({file for files in components.values() for file in files})
        changed = manifest.write(self._artifacts, described)
        self._hashes.keep()
        count = sum(1 for _ in self._artifacts.rglob("*") if _.is_file()) - 1
        self._progress.detail(f"{count} artifacts {'are ready' if changed else 'were up to date'}")

    def _jars(self) -> None:
        ivy_file = self._checkout / "artifacts" / "ivy.xml"
        lock_file = ivy_file.with_name("jars.lock")
        names = [f"{folder}/" for folder in jars.FOLDERS.values()]

        def fetch() -> None:
            self._progress.detail("jars of Kafka, Spark's Kafka source, PostgreSQL and the registry (236 MB)")
            # Ivy keeps reports of what it resolves in its cache: two at a time would read each other's.
            with _exclusive(_cache() / "ivy"):
                jars.fetch(ivy_file, lock_file, self._artifacts, _cache(), self._progress)

        self._once("jars", [ivy_file, lock_file], names, fetch)

    def _archive(self, name: str) -> None:
        place, patterns = ARCHIVES[name]
        folder = self._checkout / place
        files = sorted(file for pattern in patterns for file in folder.glob(pattern))
        archive = self._artifacts / name
        self._once(name, files, [name], lambda: _pack(folder, files, archive))

    def _own_names(self) -> list[str]:
        names = sorted({name for component in COMPONENTS.values() for name in component.own})
        return [name for name in names if (self._checkout / "app" / name / "pyproject.toml").exists()]

    def _own_wheel(self, name: str) -> Path:
        package = self._checkout / "app" / name
        sources = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        stamp = self._stamps / f"wheel-{name}"

        def make() -> None:
            self._progress.detail(f"wheel of app/{name}")
            wheel = build_own(package, self._artifacts / "wheels", self._builder, self._progress)
            stamp.parent.mkdir(parents=True, exist_ok=True)
            stamp.write_text(wheel.name, encoding="utf-8")

        known = [f"wheels/{stamp.read_text(encoding='utf-8')}"] if stamp.exists() else ["wheels/unknown"]
        self._once(f"own-{name}", sources, known, make)
        return self._artifacts / "wheels" / stamp.read_text(encoding="utf-8")

    def _locked_wheels(self) -> dict[str, Sequence[Path]]:
        locks = {
            component.lock: self._checkout / "requirements" / f"{component.lock}.txt"
            for component in COMPONENTS.values()
            if component.lock
        }
        locks[INSTALLER] = self._checkout / "requirements" / f"{INSTALLER}.txt"
        directory = _cache() / f"wheels-{sys.implementation.cache_tag}"
        with _exclusive(directory):
            wheelhouse = Wheelhouse(directory, self._builder)
            return wheelhouse.provide(locks, self._artifacts / "wheels", self._progress)

    def _files_of(
        self, component: Component, own: dict[str, Path], locked: dict[str, Sequence[Path]], name: str
    ) -> Iterator[Path]:
        for folder in component.folders:
            yield from (self._artifacts / folder).iterdir()
        yield from (self._artifacts / file for file in component.files)
        wheels = [own[package] for package in component.own if package in own]
        if component.lock:
            wheels += locked[component.lock]
        if wheels:
            yield from wheels
            yield self._requirements(name, wheels)
            yield from locked[INSTALLER]

    def _requirements(self, name: str, wheels: Sequence[Path]) -> Path:
        file = self._artifacts / "requirements" / f"{name}.txt"
        text = pinned(wheels, self._hashes)
        file.parent.mkdir(exist_ok=True)
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
        return file

    def _once(
        self, step: str, inputs: Iterable[Path], outputs: Iterable[str], make: Callable[[], None]
    ) -> None:
        """Do a step unless its inputs are those of the last time and its outputs are there."""
        digest = hashlib.sha256()
        for path in sorted(inputs):
            digest.update(f"{path.relative_to(self._checkout)} {self._hashes.of(path)}\n".encode())
        stamp = self._stamps / step
        key = digest.hexdigest()
        complete = all((self._artifacts / output).exists() for output in outputs)
        if complete and stamp.exists() and stamp.read_text(encoding="utf-8") == key:
            return
        make()
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(key, encoding="utf-8")

    def _remove_all_but(self, files: set[Path]) -> None:
        keep = files | {self._artifacts / manifest.NAME}
        for path in self._artifacts.rglob("*"):
            if path.is_file() and path not in keep:
                path.unlink()


def _pack(folder: Path, files: Sequence[Path], target: Path) -> None:
    """Pack files of a folder so that the same content always gives the same bytes."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in files:
            entry = tarfile.TarInfo(file.relative_to(folder).as_posix())
            entry.size = file.stat().st_size
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(file.read_bytes()))
    target.write_bytes(gzip.compress(content.getvalue(), mtime=0))


def _cache() -> Path:
    """Return where downloads are kept for all checkouts of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "music-platform"


@contextmanager
def _exclusive(directory: Path) -> Iterator[None]:
    """Let one build at a time write to a directory; others wait."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Build the artifacts, or renew the pins of the jars with the argument `lock`."""
    progress = Progress()
    try:
        checkout = find_checkout(Path.cwd())
        if sys.argv[1:] == ["lock"]:
            ivy_file = checkout / "artifacts" / "ivy.xml"
            jars.write_lock(ivy_file, ivy_file.with_name("jars.lock"), _cache(), progress)
        else:
            progress.step("Artifacts")
            build(checkout, progress)
    except PlatformError as error:
        print(error, file=sys.stderr)
        return 1
    return 0
