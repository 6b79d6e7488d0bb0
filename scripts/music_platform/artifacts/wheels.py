"""Wheels for a target without a network: the own distributions, and the locked packages they need.

What is installed from them is pinned again: a component's requirements file names, for each package, the
one wheel that lies beside it with the sha256 of that wheel. So a package that comes as source (pyspark) is
checked against the lock before it is built here, and its wheel is checked on the target, where the lock's
hash would not fit any more.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement

from music_platform.artifacts.manifest import Hashes
from music_platform.artifacts.tools import run
from music_platform.console.progress import Progress

# 2026-01-01: a fixed time makes the same sources give the same wheel.
SOURCE_DATE_EPOCH = "1767225600"


def normalized(name: str) -> str:
    """Return a package's name as wheel files spell it."""
    return re.sub(r"[-_.]+", "_", name).lower()


def read_lock(text: str) -> dict[str, str]:
    """Return what a lock asks for on this machine: requirement and hashes, by `name==version`.

    The environment markers are left out of the result, as they have been evaluated.
    """
    wanted = {}
    for block in re.split(r"\n(?=[^\s#])", text.strip()):
        requirement = Requirement(block.partition("\\\n")[0].strip())
        if requirement.marker is None or requirement.marker.evaluate():
            pin = f"{normalized(requirement.name)}{requirement.specifier}"
            wanted[pin] = " ".join([pin, *re.findall(r"--hash=\S+", block)])
    return wanted


def pinned(wheels: Iterable[Path], hashes: Hashes) -> str:
    """Return a requirements file that names exactly these wheels."""
    lines = []
    for wheel in sorted(wheels):
        name, version = wheel.name.split("-")[:2]
        lines.append(f"{name}=={version} --hash=sha256:{hashes.of(wheel)}\n")
    return "".join(lines)


def build_own(package: Path, directory: Path, builder: Path, progress: Progress) -> Path:
    """Build one of the own distributions into `directory`; return its wheel."""
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix="wheel-") as name:
        run(
            [builder, "-m", "hatchling", "build", "-t", "wheel", "-d", name],
            progress,
            directory=package,
            environment={**os.environ, "SOURCE_DATE_EPOCH": SOURCE_DATE_EPOCH},
        )
        built = next(Path(name).glob("*.whl"))
        directory.mkdir(parents=True, exist_ok=True)
        return built.replace(directory / built.name)


class Wheelhouse:
    """The wheels of locked packages, kept for every checkout of this user: building pyspark's takes a minute.

    `index.json` says which wheel a requirement with its hashes became.
    """

    def __init__(self, directory: Path, builder: Path) -> None:
        self._directory = directory
        self._builder = builder
        self._index_file = directory / "index.json"
        directory.mkdir(parents=True, exist_ok=True)

    def provide(
        self, locks: Mapping[str, Path], target: Path, progress: Progress
    ) -> dict[str, Sequence[Path]]:
        """Put the wheels of all locks into `target`; return them by lock."""
        wanted = {name: read_lock(path.read_text(encoding="utf-8")) for name, path in locks.items()}
        index = self._read_index()
        for name, lock in wanted.items():
            # A lock at a time: two may pin different versions of a package, which pip refuses in one call.
            self._complete(index, name, lock, progress)
        target.mkdir(parents=True, exist_ok=True)
        return {
            name: [self._place(index[line], target) for line in lock.values()]
            for name, lock in wanted.items()
        }

    def _place(self, name: str, target: Path) -> Path:
        wheel = target / name
        if not wheel.exists():
            _link_or_copy(self._directory / name, wheel)
        return wheel

    def _complete(
        self, index: dict[str, str], name: str, lock: Mapping[str, str], progress: Progress
    ) -> None:
        """Fetch what a lock asks for and the index does not have, and note which wheels that became."""
        missing = {line: pin for pin, line in lock.items() if line not in index}
        if not missing:
            return
        progress.detail(f"fetching {len(missing)} of {len(lock)} packages for {name}")
        fetched = self._fetch(list(missing), progress)
        index |= {line: fetched[pin] for line, pin in missing.items()}
        temporary = self._index_file.with_suffix(".new")
        temporary.write_text(json.dumps(index, indent=1), encoding="utf-8")
        temporary.replace(self._index_file)

    def _read_index(self) -> dict[str, str]:
        try:
            index: dict[str, str] = json.loads(self._index_file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return {line: name for line, name in index.items() if (self._directory / name).exists()}

    def _fetch(self, missing: Sequence[str], progress: Progress) -> dict[str, str]:
        with tempfile.TemporaryDirectory(dir=self._directory, prefix="fetch-") as name:
            directory = Path(name)
            requirements = directory / "requirements.txt"
            requirements.write_text("\n".join(missing) + "\n", encoding="utf-8")
            # Without build isolation a source distribution is built by the pinned tools of the bootstrap
            # environment, not by whatever version is the newest today.
            run(
                [
                    *(self._builder, "-m", "pip", "wheel", "--disable-pip-version-check"),
                    *("--no-deps", "--no-build-isolation", "--require-hashes"),
                    *("--wheel-dir", directory, "--requirement", requirements),
                ],
                progress,
                directory=directory,
                environment={**os.environ, "SOURCE_DATE_EPOCH": SOURCE_DATE_EPOCH},
                counting="^Collecting ",
                noun="packages fetched",
            )
            found = {}
            for wheel in directory.glob("*.whl"):
                package, version = wheel.name.split("-")[:2]
                found[f"{normalized(package)}=={version}"] = wheel.name
                wheel.replace(self._directory / wheel.name)
            return found


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another file system
        shutil.copyfile(source, target)
