"""The Dockerfile's stages and the modules that ask for them name the same scripts and artifacts.

An image is called for what its module names: what the module forgets could change without a new image.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hcl2
import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
DOCKERFILE = CHECKOUT / "modules" / "image" / "docker" / "Dockerfile"
# What every image is named for, so that no module names it.
COMMON = {"installation.sh", "manifest.py", "platform.sh"}
RECIPE = {"Dockerfile", "Dockerfile.dockerignore", "container.sh"}


@dataclass
class Stage:
    """What a stage of the Dockerfile takes from outside of it."""

    base: str
    copied: set[str] = field(default_factory=set)
    selected: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)
    """Other stages whose files it takes."""


def stages() -> dict[str, Stage]:
    """Every stage by its name."""
    found: dict[str, Stage] = {}
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text())
    for block in re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]:
        first, _, instructions = block.partition("\n")
        base, _, name = first.partition(" AS ")
        stage = found[name] = Stage(base)
        for words in (line.split() for line in instructions.splitlines() if not line.startswith("#")):
            if words[:1] == ["COPY"]:
                stage.copied |= {word for word in words[1:-1] if not word.startswith(("--", "/"))}
        stage.selected |= set(re.findall(r"manifest\.py select /all (\w+)", instructions))
        stage.uses |= set(re.findall(r"from=([\w-]+)", instructions))
    return found


def all_of(name: str, known: dict[str, Stage]) -> Iterator[Stage]:
    """A stage with those that it is built on and those that it takes files from."""
    stage = known.get(name)
    if stage is not None:
        yield stage
        for other in {stage.base, *stage.uses}:
            yield from all_of(other, known)


def images() -> list[tuple[str, dict[str, Any]]]:
    """Every use of modules/image/docker, with what it is given; lists of a module's locals are looked up."""
    found = []
    for file in sorted(CHECKOUT.glob("modules/*/docker/main.tf")):
        content = hcl2.loads(file.read_text())
        settings = {name: value for block in content.get("locals", []) for name, value in block.items()}
        for block in content.get("module", []):
            for arguments in block.values():
                if "image/docker" in arguments["source"]:
                    given = {
                        key: resolved(arguments[key], settings) for key in ("stage", "components", "scripts")
                    }
                    found.append((plain(given["stage"]), given))
    return found


def resolved(value: Any, settings: dict[str, Any]) -> Any:
    reference = re.fullmatch(r"\$\{local\.(\w+)\}", value) if isinstance(value, str) else None
    return settings[reference.group(1)] if reference else value


def plain(text: str) -> str:
    return text.strip('"')


def names(values: list[str]) -> set[str]:
    return {plain(value) for value in values}


@pytest.mark.parametrize(
    ("stage", "given"), images(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_an_image_is_named_for_every_script_and_artifact_in_it(stage: str, given: dict[str, Any]) -> None:
    known = stages()
    files = {file for part in all_of(stage, known) for file in part.copied}
    scripts = {Path(file).name for file in files if file.startswith("scripts/provision/")}
    others = {Path(file).name for file in files} - scripts

    assert stage in known
    assert scripts - COMMON == names(given["scripts"])
    assert others <= RECIPE
    assert {name for part in all_of(stage, known) for name in part.selected} == names(given["components"])


def test_every_component_with_artifacts_has_an_image() -> None:
    manifest = (CHECKOUT / "tests" / "terraform" / "artifacts" / "manifest.json").read_text()
    in_images = {name for _, given in images() for name in names(given["components"])}
    assert in_images == set(re.findall(r'"(\w+)": \{"sha256"', manifest))


def test_what_every_image_is_named_for_is_what_the_module_of_images_says() -> None:
    text = (DOCKERFILE.parent / "main.tf").read_text()
    lists = [set(re.findall(r'"([\w.]+)"', found)) for found in re.findall(r"\[(\"[^\]]*)\]", text)]
    assert COMMON in lists
    assert RECIPE in lists


def test_what_lies_below_a_components_own_code_is_made_by_what_installs_it_alone() -> None:
    known = stages()
    layers = [name for name in known if name.endswith("_packages")]
    assert layers
    for name in layers:
        copied = {Path(file).name for file in known[name].copied}
        assert copied == {"installation.sh", "manifest.py", "packages.sh"}, name
