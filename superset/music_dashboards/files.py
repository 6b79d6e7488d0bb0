"""The files of superset/assets: reading them, and writing them in one form, so that a difference is a change.

    databases/music.yaml  datasets/hourly.yaml  charts/live/plays_now.yaml  dashboards/live.yaml

A file is known by its place below its folder, without the ending: charts/live/plays_now is the chart
`live/plays_now`, and other files refer to it by that name. Its uuid is what Superset knows it by.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from music_dashboards.errors import DashboardsError

Document = dict[str, Any]
KINDS = ("databases", "datasets", "charts", "dashboards")
LINE_LENGTH = 110
# The one in C reads ten times as fast, where PyYAML was built with it.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Assets:
    """All documents, by kind and name."""

    databases: dict[str, Document] = field(default_factory=dict)
    datasets: dict[str, Document] = field(default_factory=dict)
    charts: dict[str, Document] = field(default_factory=dict)
    dashboards: dict[str, Document] = field(default_factory=dict)

    def of(self, kind: str) -> dict[str, Document]:
        """Return the documents of one kind."""
        documents: dict[str, Document] = getattr(self, kind)
        return documents

    def each(self) -> Iterator[tuple[str, str, Document]]:
        """Go through all documents: kind, name, document."""
        for kind in KINDS:
            for name, document in self.of(kind).items():
                yield kind, name, document

    def names(self, kind: str) -> dict[str, str]:
        """Return the name of each uuid of a kind."""
        return {document["uuid"]: name for name, document in self.of(kind).items()}


def read(folder: Path) -> Assets:
    """Read all files; raise a DashboardsError that names a file which is none."""
    assets = Assets()
    owners: dict[str, Path] = {}
    for kind in KINDS:
        for file in sorted((folder / kind).rglob("*.yaml")):
            document = _parse(file)
            if other := owners.get(document["uuid"]):
                raise DashboardsError(f"{file} and {other} have the same uuid: give the newer one its own.")
            owners[document["uuid"]] = file
            assets.of(kind)[file.relative_to(folder / kind).with_suffix("").as_posix()] = document
    if not assets.dashboards:
        raise DashboardsError(f"There are no dashboards in {folder}: name the folder that has them.")
    return assets


def _parse(file: Path) -> Document:
    try:
        document = yaml.load(file.read_text(encoding="utf-8"), LOADER)
    except yaml.YAMLError as error:
        raise DashboardsError(f"{file} is not YAML: {error}") from error
    if not isinstance(document, dict) or not re.fullmatch(r"[0-9a-f-]{36}", str(document.get("uuid"))):
        raise DashboardsError(f"{file} has no uuid in small letters: Superset would not know it again.")
    return document


class _Dumper(yaml.SafeDumper):
    """Indents lists below their key, and writes long texts as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump(document: Mapping[str, Any]) -> str:
    """Return a document in the one form that files have."""
    return yaml.dump(
        dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=LINE_LENGTH, indent=2
    )


def write(folder: Path, assets: Assets) -> list[str]:
    """Bring the files to the documents; return a line for each file that was changed, made or removed."""
    wanted = {folder / kind / f"{name}.yaml": dump(document) for kind, name, document in assets.each()}
    lines = []
    for file, text in sorted(wanted.items()):
        old = file.read_text(encoding="utf-8") if file.exists() else None
        if old != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            lines.append(f"{'made' if old is None else 'changed'} {file.relative_to(folder)}")
    for kind in KINDS:
        for file in sorted(set((folder / kind).rglob("*.yaml")) - set(wanted)):
            file.unlink()
            lines.append(f"removed {file.relative_to(folder)}")
    return lines
