"""Fetches the jars that ivy.xml names, with the Ivy inside pyspark, and checks them against jars.lock."""

import importlib.util
import platform
import shutil
import tempfile
from pathlib import Path

from music_platform.artifacts.manifest import sha256
from music_platform.artifacts.tools import run
from music_platform.console.progress import Progress
from music_platform.errors import PlatformError
from music_platform.hosts import java

# Ivy's configuration -> folder of the artifacts.
FOLDERS = {"kafka": "jars/kafka", "spark": "jars/spark", "postgres": "postgres", "registry": "registry"}

# What the machine calls itself -> what the PostgreSQL binaries are called.
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64v8", "arm64": "arm64v8"}


def fetch(ivy_file: Path, lock_file: Path, artifacts: Path, cache: Path, progress: Progress) -> None:
    """Replace the jar folders of `artifacts` by what ivy.xml names; refuse what jars.lock does not pin."""
    with tempfile.TemporaryDirectory(dir=artifacts.parent, prefix="jars-") as name:
        fetched = resolve(ivy_file, Path(name), architecture(), cache, progress)
        _check(fetched, pins(lock_file), lock_file)
        for configuration, folder in FOLDERS.items():
            target = artifacts / folder
            shutil.rmtree(target, ignore_errors=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            (Path(name) / configuration).rename(target)


def write_lock(ivy_file: Path, lock_file: Path, cache: Path, progress: Progress) -> None:
    """Pin whatever ivy.xml resolves to now, for every architecture."""
    found: dict[str, str] = {}
    for name in sorted(set(ARCHITECTURES.values())):
        with tempfile.TemporaryDirectory() as directory:
            fetched = resolve(ivy_file, Path(directory), name, cache, progress)
            found |= {path: sha256(file) for path, file in fetched.items()}
    lines = [f"{digest}  {path}\n" for path, digest in sorted(found.items())]
    lock_file.write_text("".join(lines), encoding="utf-8")


def pins(lock_file: Path) -> dict[str, str]:
    """Return file -> sha256 of jars.lock, whose lines are those of sha256sum."""
    lines = lock_file.read_text(encoding="utf-8").splitlines()
    return {path: digest for digest, path in (line.split(maxsplit=1) for line in lines if line)}


def architecture() -> str:
    """Return this machine's architecture as the PostgreSQL binaries name it."""
    machine = platform.machine().lower()
    if machine not in ARCHITECTURES:
        raise PlatformError(
            f"There are no PostgreSQL binaries for {machine}: use a machine with x86_64 or aarch64."
        )
    return ARCHITECTURES[machine]


def resolve(
    ivy_file: Path, directory: Path, architecture: str, cache: Path, progress: Progress
) -> dict[str, Path]:
    """Download into `directory`; return the files by their place in the artifacts."""
    java.require()
    run(
        [
            str(java.find()),
            f"-Divy.default.ivy.user.dir={cache / 'ivy'}",
            f"-Dpostgres.architecture={architecture}",
            *("-jar", _ivy_program(), "-ivy", ivy_file, "-confs", "*", "-types", "jar", "bundle", "tar.gz"),
            *("-retrieve", f"{directory}/[conf]/[artifact]-[revision](-[classifier]).[ext]"),
        ],
        progress,
        directory=directory,
        counting=r"^\s+found |^downloading ",
        noun="modules and files",
    )
    return {
        f"{folder}/{file.name}": file
        for configuration, folder in FOLDERS.items()
        for file in (directory / configuration).iterdir()
    }


def _ivy_program() -> Path:
    specification = importlib.util.find_spec("pyspark")
    if specification is None or specification.origin is None:
        raise PlatformError("pyspark, which carries the jar resolver, is not installed: run `make setup`.")
    return next(Path(specification.origin).parent.glob("jars/ivy-*.jar"))


def _check(fetched: dict[str, Path], pinned: dict[str, str], lock_file: Path) -> None:
    for path, file in sorted(fetched.items()):
        if path not in pinned:
            raise PlatformError(
                f"{path} is not pinned in {lock_file.name}: after a change of ivy.xml run "
                "`.venv/bin/python -m music_platform.artifacts lock` and review what it adds."
            )
        if sha256(file) != pinned[path]:
            raise PlatformError(
                f"{path} has another sha256 than {lock_file.name} pins: it was changed on its way here. "
                "Nothing was taken over; find out why before you trust this download."
            )
