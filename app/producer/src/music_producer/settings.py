"""The producer's settings: from the environment, overridden by the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

_PREFIX = "MUSIC_PRODUCER_"


class SettingsError(Exception):
    """A setting is missing or wrong; the text names its variable and says what it expects."""


class Settings(BaseSettings):
    """Everything that can be set; each field is a variable and a command line option."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, populate_by_name=True, env_ignore_empty=True, extra="forbid"
    )

    rate: float = Field(200.0, gt=0, description="events a second; inf is as fast as can be")
    users: int = Field(10_000, ge=1, le=10_000_000, description="listeners")
    songs: int = Field(5_000, ge=1, le=5_000_000, description="songs in the catalogue")
    seed: int = Field(1, ge=0, lt=2**63, description="the same seed makes the same listeners and catalogue")
    duration: float = Field(0.0, ge=0, description="seconds after which it ends; 0 is never")
    events: int = Field(0, ge=0, description="events after which it ends; 0 is never")
    history: float = Field(
        0.0,
        ge=0,
        description="seconds of the past to fill with events first, when the topic has none yet; 0 is none",
    )
    history_rate: float = Field(10.0, gt=0, le=1_000_000, description="events a second of that past")
    report: Path | None = Field(None, description="file for a JSON report of what was acknowledged")
    bootstrap_servers: str = Field(
        min_length=1,
        validation_alias=AliasChoices("MUSIC_KAFKA_BOOTSTRAP_SERVERS", "bootstrap_servers"),
        description="Kafka's host:port, separated by commas",
    )
    registry_url: str = Field(
        pattern=r"^https?://",
        validation_alias=AliasChoices("MUSIC_SCHEMA_REGISTRY_URL", "registry_url"),
        description="the schema registry, such as http://host:8081/apis/ccompat/v7",
    )


def variable(field: str) -> str:
    """Return the name of the environment variable of a setting."""
    alias = Settings.model_fields[field].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else _PREFIX + field.upper()


def option(field: str) -> str:
    """Return the command line option of a setting."""
    return "--" + field.replace("_", "-")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add an option for every setting; its help names the variable and the default."""
    for name, field in Settings.model_fields.items():
        default = _default(field)
        parser.add_argument(
            option(name),
            default=argparse.SUPPRESS,
            metavar=name.rpartition("_")[2].upper(),
            help=f"{field.description} [{variable(name)}, {default}]",
        )


def read_settings(options: dict[str, Any]) -> Settings:
    """Check the environment and, before it, the given options; SettingsError names what is wrong."""
    given = {name: value for name, value in options.items() if name in Settings.model_fields}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(problem) for problem in error.errors())) from None


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return "default: none" if field.default is None else f"default: {field.default:g}"


def _explain(problem: Any) -> str:
    fields: Sequence[Any] = problem["loc"]
    for name in Settings.model_fields:
        if fields and fields[0] in (name, variable(name)):
            what = f"{variable(name)} (or {option(name)})"
            if problem["type"] == "missing":
                return f"{what} is missing: {Settings.model_fields[name].description}"
            return f"{what} is {str(problem['input'])!r}: {problem['msg']}"
    return str(problem["msg"])
