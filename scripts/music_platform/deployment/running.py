"""What can be asked of a platform that runs."""

from collections.abc import Mapping
from typing import Any

from music_platform.deployment.instance import DEFAULT_NAME, Instance
from music_platform.errors import PlatformError


def outputs(instance: Instance) -> dict[str, Any]:
    """Return the outputs of the root module; raise a PlatformError when the platform was not started."""
    require(instance)
    return instance.terraform().outputs()


def kafka_environment(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables by which a program of ours connects to Kafka, given the outputs."""
    client = values["kafka_client"]
    names = {
        "MUSIC_KAFKA_BOOTSTRAP_SERVERS": "bootstrap.servers",
        "MUSIC_KAFKA_USERNAME": "sasl.username",
        "MUSIC_KAFKA_PASSWORD": "sasl.password",
        "MUSIC_KAFKA_CA_FILE": "ssl.ca.location",
    }
    return {variable: str(client[name]) for variable, name in names.items() if name in client}


def require(instance: Instance) -> None:
    """Raise a PlatformError when the platform was not started."""
    if not is_applied(instance):
        named = "" if instance.name == DEFAULT_NAME else f" called {instance.name}"
        raise PlatformError(f"There is no running platform{named}: start it with `make up`.")


def is_applied(instance: Instance) -> bool:
    """Say whether Terraform has something applied for this instance."""
    terraform = instance.terraform()
    return terraform.is_initialized and bool(terraform.outputs())
