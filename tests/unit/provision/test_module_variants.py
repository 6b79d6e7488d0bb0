"""A component's variants for several environments take the same inputs and give the same outputs."""

import re
from pathlib import Path
from typing import Any

import hcl2
import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
# Every module with a variant for this machine, but for what deploys there: a server, and what they all share.
COMPONENTS = sorted(
    folder.parent.name
    for folder in (CHECKOUT / "modules").glob("*/local")
    if folder.parent.name not in ("service", "supervisor")
)

# What says where to deploy is each environment's own; ports are free to choose only where they are shared.
OWN_INPUTS = re.compile(r"target|(.*_)?port")
# Where a variant's input is another one than that of the variant for this machine, and why.
EXCEPTIONS = {
    ("kafka", "docker", "settings"): {"broker_count"},  # one machine has one broker
    ("spark", "docker", "settings"): {"worker_count"},  # and one worker
    ("producer", "docker", "kafka_user"): {
        "default"
    },  # on this machine everyone may connect: there is no user
    ("spark", "docker", "kafka_user"): {"default"},
}
ROOT_OUTPUTS = {
    "kafka_bootstrap_servers",
    "kafka_broker_count",
    "kafka_client",
    "kafka_topics",
    "postgres_database",
    "postgres_dsn",
    "postgres_host",
    "postgres_port",
    "postgres_readonly_dsn",
    "producer_rate",
    "schema_registry_url",
    "spark_master_url",
    "spark_ui_url",
    "superset_admin_password",
    "superset_admin_username",
    "superset_url",
}
ROOTS = sorted(file.parent for file in (CHECKOUT / "terraform").glob("*/main.tf"))


def declared(kind: str, module: Path) -> dict[str, dict[str, Any]]:
    """The blocks of one kind in a module, by their names."""
    blocks = [
        block for file in sorted(module.glob("*.tf")) for block in hcl2.loads(file.read_text()).get(kind, [])
    ]
    return {name.strip('"'): arguments for block in blocks for name, arguments in block.items()}


def inputs(variant: Path) -> dict[str, dict[str, Any]]:
    """The inputs that all variants of a component must share."""
    return {
        name: block for name, block in declared("variable", variant).items() if not OWN_INPUTS.fullmatch(name)
    }


def interface(block: dict[str, Any]) -> dict[str, str]:
    """What is said of an input: default, null, secrecy, and the type of each attribute."""
    one_line = re.sub(r"\s+", " ", str(block["type"]))
    whole = re.fullmatch(r"\$\{object\(\{(.*)\}\)\}", one_line)
    attributes = re.split(r", (?=\w+ = )", nested_away(whole.group(1))) if whole else [f"type = {one_line}"]
    return {
        **dict(attribute.strip().split(" = ", 1) for attribute in attributes),
        **{key: str(block.get(key, "none")) for key in ("default", "nullable", "sensitive")},
    }


def nested_away(attributes: str) -> str:
    """Attributes of an object, so written that those of the objects in it are not taken for its own."""
    return re.sub(r"\{[^{}]*\}", lambda inner: inner.group().replace(" = ", ":"), attributes)


def variants() -> list[tuple[str, str]]:
    return [
        (component, folder.name)
        for component in COMPONENTS
        for folder in sorted((CHECKOUT / "modules" / component).iterdir())
        if folder.name != "local"
    ]


@pytest.mark.parametrize(("component", "variant"), variants())
def test_variants_of_a_component_have_one_interface(component: str, variant: str) -> None:
    own, local = (CHECKOUT / "modules" / component / name for name in (variant, "local"))
    assert set(inputs(own)) == set(inputs(local))
    assert set(declared("output", own)) == set(declared("output", local))


@pytest.mark.parametrize(("component", "variant"), variants())
def test_variants_of_a_component_take_the_same_types_and_have_the_same_defaults(
    component: str, variant: str
) -> None:
    own, local = (inputs(CHECKOUT / "modules" / component / name) for name in (variant, "local"))
    for name in local:
        expected, found = interface(local[name]), interface(own[name])
        differing = {key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)}
        assert differing == EXCEPTIONS.get((component, variant, name), set()), name


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.name)
def test_every_environment_gives_the_outputs_that_scripts_and_tests_read(root: Path) -> None:
    assert set(declared("output", root)) >= ROOT_OUTPUTS


def test_all_environments_give_the_same_outputs() -> None:
    first, *others = (set(declared("output", root)) for root in ROOTS)
    assert others
    assert all(outputs == first for outputs in others)


@pytest.mark.parametrize(
    "module", sorted((CHECKOUT / "modules").glob("*/*")), ids=lambda path: "/".join(path.parts[-2:])
)
def test_a_module_has_the_five_files_and_describes_what_it_takes_and_gives(module: Path) -> None:
    for name in ("main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md"):
        assert (module / name).is_file(), name
    for name in ("variables.tf", "outputs.tf"):
        blocks = re.split(r"^(?=(?:variable|output) )", (module / name).read_text(), flags=re.MULTILINE)[1:]
        assert all("description" in block for block in blocks), name
