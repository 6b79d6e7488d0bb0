"""The root modules of Terraform: what they say of their variables and outputs."""

from pathlib import Path

import hcl2
import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
ROOTS = sorted(file.parent for file in (CHECKOUT / "terraform").glob("*/main.tf"))


def declared(kind: str, root: Path) -> dict[str, dict[str, object]]:
    """Return the arguments of every variable or output by its name."""
    found: dict[str, dict[str, object]] = {}
    for file in sorted(root.glob("*.tf")):
        for block in hcl2.loads(file.read_text()).get(kind, []):
            found.update({name.strip('"'): arguments for name, arguments in block.items() if name[0] != "_"})
    return found


@pytest.mark.parametrize("root", ROOTS, ids=lambda path: path.name)
def test_an_environment_describes_what_it_takes_and_gives(root: Path) -> None:
    variables, outputs = declared("variable", root), declared("output", root)
    assert {"name", "home"} <= set(variables)
    assert "postgres_dsn" in outputs
    assert [name for name, arguments in variables.items() if not arguments.get("type")] == []
    for described in (variables, outputs):
        assert [name for name, arguments in described.items() if not arguments.get("description")] == []


@pytest.mark.parametrize("root", ROOTS, ids=lambda path: path.name)
def test_null_stands_for_the_default_of_every_variable(root: Path) -> None:
    # So does the command line write what an instance leaves to the default.
    refuses = {
        name: arguments
        for name, arguments in declared("variable", root).items()
        if str(arguments.get("default")) not in ("null", "None") and arguments.get("nullable") is not False
    }
    assert refuses == {}
