"""Writes the table of inputs and outputs into the README of each Terraform module, or checks it.

    scripts/module_tables.py [--check]

The declarations are the source; a table is everything behind the heading "Inputs and outputs" of
modules/*/*/README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2

CHECKOUT = Path(__file__).resolve().parents[1]
HEADING = "## Inputs and outputs\n"

Block = dict[str, Any]
"""The arguments of one variable or output, in HCL: strings in their quotes, expressions in ${...}."""

Row = tuple[str, ...]


def main() -> int:
    """Write every table, or with --check name the READMEs whose table is not what the module declares."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 when a table is not current"
    )
    check = parser.parse_args().check
    outdated: list[Path] = []
    for readme in sorted(CHECKOUT.glob("modules/*/*/README.md")):
        text = readme.read_text()
        current = with_table(text, readme.parent)
        if current != text:
            outdated.append(readme.relative_to(CHECKOUT))
            if not check:
                readme.write_text(current)
    if check and outdated:
        print(
            "Not what the module declares: " + ", ".join(map(str, outdated)) + ". Run: make fmt",
            file=sys.stderr,
        )
        return 1
    return 0


def with_table(text: str, module: Path) -> str:
    """The README's text with the table of the module's declarations as its last section."""
    introduction = text.partition(HEADING)[0].rstrip("\n")
    inputs = [input_row(name, block) for name, block in declared(module / "variables.tf", "variable")]
    outputs = [output_row(name, block) for name, block in declared(module / "outputs.tf", "output")]
    parts = [introduction, HEADING.rstrip("\n")]
    for head, rows in (
        (("input", "type", "default", "what it is"), inputs),
        (("output", "what it is"), outputs),
    ):
        if rows:
            parts.append("\n".join(markdown(head, rows)))
    return "\n\n".join(parts) + "\n"


def declared(file: Path, kind: str) -> Iterator[tuple[str, Block]]:
    """The blocks of one kind in a file, in their order, by name."""
    with file.open() as source:
        for block in hcl2.load(source).get(kind, []):
            for name, arguments in block.items():
                yield plain(name), arguments


def input_row(name: str, block: Block) -> Row:
    """Name, type, default and description of a variable."""
    default = f"`{literal(block['default'])}`" if "default" in block else "required"
    return f"`{name}`", f"`{plain(block['type'])}`", default, plain(block["description"]) + sensitive(block)


def output_row(name: str, block: Block) -> Row:
    """Name and description of an output."""
    return f"`{name}`", plain(block["description"]) + sensitive(block)


def sensitive(block: Block) -> str:
    """What the description of a secret ends with."""
    return " Sensitive." if block.get("sensitive") else ""


def plain(text: str) -> str:
    """A string or an expression of HCL without what encloses it."""
    if text.startswith('"'):
        return str(json.loads(text))
    return text.removeprefix("${").removesuffix("}")


def literal(value: object) -> str:
    """A default as it stands in the declaration."""
    if isinstance(value, str):
        # In its quotes already, or an expression.
        return value.removeprefix("${").removesuffix("}")
    return json.dumps(value).replace('\\"', "")


def markdown(head: Row, rows: list[Row]) -> Iterator[str]:
    """The lines of a table."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


if __name__ == "__main__":
    sys.exit(main())
