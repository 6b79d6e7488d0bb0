"""What can be asked of a platform that runs."""

from typing import Any

from music_platform.errors import PlatformError
from music_platform.instance import DEFAULT_NAME, Instance


def outputs(instance: Instance) -> dict[str, Any]:
    """Return the outputs of the root module; raise a PlatformError when the platform was not started."""
    require(instance)
    return instance.terraform().outputs()


def require(instance: Instance) -> None:
    """Raise a PlatformError when the platform was not started."""
    if not is_applied(instance):
        named = "" if instance.name == DEFAULT_NAME else f" called {instance.name}"
        raise PlatformError(f"There is no running platform{named}: start it with `make up`.")


def is_applied(instance: Instance) -> bool:
    """Say whether Terraform has something applied for this instance."""
    terraform = instance.terraform()
    return terraform.is_initialized and bool(terraform.outputs())
