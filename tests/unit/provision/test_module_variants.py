"""A component's variants for several environments take the same inputs and give the same outputs."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[3]
COMPONENTS = ["kafka", "postgres", "producer", "schema_registry", "spark", "superset"]

# What says where to deploy is each environment's own; ports are free to choose only where they are shared.
OWN_INPUTS = re.compile(r"target|(.*_)?port")
# Docker and AWS need no more than these from the root module's settings.
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
}


def declared(kind: str, module: Path) -> set[str]:
    text = "\n".join(file.read_text() for file in sorted(module.glob("*.tf")))
    return set(re.findall(rf'^{kind} "(\w+)"', text, flags=re.MULTILINE))


@pytest.mark.parametrize("component", COMPONENTS)
def test_variants_of_a_component_have_one_interface(component: str) -> None:
    interfaces = {
        variant.name: (
            {name for name in declared("variable", variant) if not OWN_INPUTS.fullmatch(name)},
            declared("output", variant),
        )
        for variant in sorted((CHECKOUT / "modules" / component).iterdir())
    }

    assert "local" in interfaces
    assert all(interface == interfaces["local"] for interface in interfaces.values()), interfaces


@pytest.mark.parametrize(
    "root", sorted((CHECKOUT / "terraform").glob("*/main.tf")), ids=lambda path: path.parent.name
)
def test_every_environment_gives_the_outputs_that_scripts_and_tests_read(root: Path) -> None:
    assert declared("output", root.parent) >= ROOT_OUTPUTS


@pytest.mark.parametrize(
    "module", sorted((CHECKOUT / "modules").glob("*/*")), ids=lambda path: "/".join(path.parts[-2:])
)
def test_a_module_has_the_five_files_and_describes_what_it_takes_and_gives(module: Path) -> None:
    for name in ("main.tf", "variables.tf", "outputs.tf", "versions.tf", "README.md"):
        assert (module / name).is_file(), name
    for name in ("variables.tf", "outputs.tf"):
        blocks = re.split(r"^(?=(?:variable|output) )", (module / name).read_text(), flags=re.MULTILINE)[1:]
        assert all("description" in block for block in blocks), name
