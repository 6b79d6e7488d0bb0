"""Asks the manifest of the artifacts: manifest.py VERB ARTIFACTS_DIR [COMPONENT [TARGET]].

digest prints the component's sha256, python the version that the wheels are for; verify compares every file
of the component with its sha256 and refuses, with a sentence, one that is missing or differs; select copies
the component's files, with a manifest of them alone, into the directory TARGET, beside those copied before.

Only the standard library is used: this runs on targets before anything is installed.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any


def load(artifacts: Path) -> dict[str, Any]:
    """Return the manifest; raise a SystemExit with a sentence when there is none."""
    file = artifacts / "manifest.json"
    try:
        manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SystemExit(f"{file} does not exist: build the artifacts with `make artifacts`.") from None
    except ValueError as error:
        raise SystemExit(f"{file} is damaged ({error}): build the artifacts again.") from None
    return manifest


def component_of(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    """Return one component's entry."""
    component: dict[str, Any] | None = manifest["components"].get(name)
    if component is None:
        raise SystemExit(
            f"The artifacts hold no component {name}: they have {', '.join(manifest['components'])}."
        )
    return component


def problem(file: Path, expected: str) -> str | None:
    """Return what is wrong with a file, or None."""
    try:
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return f"The artifact {file} is missing: copy or build the artifacts again."
    if found != expected:
        return (
            f"The artifact {file} was refused: its sha256 is {found}, the manifest says {expected}. "
            "It was changed or damaged on its way here; copy or build the artifacts again."
        )
    return None


def select(artifacts: Path, manifest: dict[str, Any], name: str, target: Path) -> None:
    """Copy one component's files: what is made of the copy does not change with the other components."""
    component = component_of(manifest, name)
    for path in component["files"]:
        copy = target / path
        # What it shares with a component below it is there already; `verify` would refuse another file.
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(artifacts / path, copy)
    file = target / "manifest.json"
    copied = json.loads(file.read_text(encoding="utf-8"))["components"] if file.exists() else {}
    alone = {"python": manifest["python"], "components": {**copied, name: component}}
    file.write_text(json.dumps(alone, indent=2) + "\n", encoding="utf-8")


def main(verb: str, artifacts: Path, name: str = "", target: str = "") -> None:
    """Answer one question on standard output, or copy a component."""
    manifest = load(artifacts)
    if verb == "python":
        print(manifest["python"])
        return
    if verb == "select":
        select(artifacts, manifest, name, Path(target))
        return
    component = component_of(manifest, name)
    if verb == "digest":
        print(component["sha256"])
        return
    problems = [problem(artifacts / path, digest) for path, digest in component["files"].items()]
    found = [sentence for sentence in problems if sentence]
    if found:
        raise SystemExit("\n".join(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
