"""Settings of the producer's commands: from the environment, overridden by the command line."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from music_contract import times
from pydantic import AliasChoices, BeforeValidator, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from music_producer.listening.experiments import Experiment
from music_producer.world.dates import WORLD_START_MS

USERS_AN_EVENT_A_SECOND = 400
"""People who listen as much as they can, all together (`population.BUSIEST_SHARE`), are 369; some leave."""
FEWEST_USERS, MOST_USERS = 10_000, 1_000_000
"""Of worlds whose size nobody has named: variety at a low rate, a start within a minute at a high one."""

Share = Annotated[float, Field(ge=0, le=1)]


def _moment(value: object) -> object:
    """Read RFC 3339 as milliseconds since 1970 (UTC); a moment without a zone is one in UTC."""
    if not isinstance(value, str):
        return value
    moment = datetime.fromisoformat(value)
    return times.epoch_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


Start = Annotated[int, BeforeValidator(_moment), Field(ge=WORLD_START_MS)]
"""Milliseconds since 1970 (UTC), not before the world's start."""


class SettingsError(Exception):
    """A setting is missing or wrong; the text names its variable and says what it expects."""


class CommandSettings(BaseSettings):
    """What every command needs; each field of a command's settings is a variable and an option."""

    model_config = SettingsConfigDict(populate_by_name=True, env_ignore_empty=True, extra="forbid")

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


AnySettings = TypeVar("AnySettings", bound=CommandSettings)


class Settings(CommandSettings):
    """Everything that can be set for a run."""

    model_config = SettingsConfigDict(env_prefix="MUSIC_PRODUCER_")

    rate: float = Field(
        200.0, gt=0, le=10_000_000, allow_inf_nan=False,
        description="events a second of simulated time as the mean of a week: from half of it about "
        "22:00 UTC to one and a half times about 12:00 UTC",
    )  # fmt: skip
    users: int = Field(
        0, ge=0, le=10_000_000,
        description=f"listeners at the world's start; 0 is {USERS_AN_EVENT_A_SECOND} for each event a "
        f"second, who make that many by themselves, {FEWEST_USERS} at least and {MOST_USERS} at most",
    )  # fmt: skip
    songs: int = Field(5_000, ge=1, le=5_000_000, description="songs at the world's start")
    seed: int = Field(
        1, ge=0, lt=2**63, description="the same seed, start and settings make the same events, byte for byte"
    )
    duration: float = Field(0.0, ge=0, description="seconds after which it ends; 0 is never")
    events: int = Field(0, ge=0, description="event records after which it ends; 0 is never")

    start: Start | None = Field(
        None,
        description="where simulated time begins, such as 2026-11-01T00:00:00Z; none is now less the history",
    )
    span: float = Field(0.0, ge=0, description="seconds of simulated time after which it ends; 0 is never")
    speed: float = Field(
        math.inf,
        gt=0,
        description="simulated seconds a second until the present is reached; inf is as fast as can be",
    )
    history: float = Field(
        0.0,
        ge=0,
        description="seconds of the past to fill with events first, when the topic has none yet; 0 is none",
    )
    history_rate: float = Field(10.0, gt=0, le=1_000_000, description="events a second of that past")

    late: Share = Field(0.0, description="share of events that come late, from a device that was offline")
    late_from: float = Field(1_800.0, ge=0, description="seconds that a late event is late at least")
    late_to: float = Field(21_600.0, ge=0, description="seconds that a late event is late at most")
    duplicates: Share = Field(0.0, description="share of events that are sent twice with the same event_id")
    out_of_order: Share = Field(0.0, description="share of events that come up to two minutes after others")
    malformed: Share = Field(0.0, description="share of events whose record is rubbish in one of ten ways")
    unpublished: Share = Field(
        0.0, description="share of events from a device whose dimension record comes five minutes later"
    )
    old_schema: Share = Field(0.0, description="share of events written under the schema one version older")

    premium_share: Share = Field(0.45, description="share of the users that pay: premium, family, student")
    shuffle_share: Share = Field(0.35, description="share of the contexts that are played in random order")
    offline_share: Share = Field(0.06, description="share of paying users' sessions that are offline")
    context_switch_share: Share = Field(
        0.08, description="share of playbacks after which another album, playlist or radio is chosen"
    )
    device_switch_share: Share = Field(0.01, description="share of playbacks after which the device changes")
    zipf_exponent: float = Field(
        0.9, ge=0, le=3, description="popularity of the song of rank r is r to the minus this"
    )
    experiments: str = Field(
        "",
        description="A/B tests, such as home:skip_rate-10%,aa:none; others: session_length, like_rate",
    )

    truth: Path | None = Field(None, description="directory for the ground truth, as Parquet")
    report: Path | None = Field(None, description="file for a JSON report of what was acknowledged")

    @property
    def chosen_experiments(self) -> tuple[Experiment, ...]:
        """The experiments, read."""
        return tuple(Experiment.parse(text) for text in self.experiments.split(",") if text.strip())

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        _ = self.chosen_experiments
        if self.late_to < self.late_from:
            raise ValueError("late_to must not be less than late_from")
        if self.start is not None and self.history:
            raise ValueError("start and history both say where the past begins: give one of them")
        if not self.users:
            rate = max(self.rate, self.history_rate if self.history else 0.0)
            self.users = int(min(max(rate * USERS_AN_EVENT_A_SECOND, FEWEST_USERS), MOST_USERS))
        return self


def variable(kind: type[CommandSettings], field: str) -> str:
    """Return the name of the environment variable of a setting."""
    alias = kind.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return f"{kind.model_config['env_prefix']}{field.upper()}"


def option(field: str) -> str:
    """Return the command line option of a setting."""
    return "--" + field.replace("_", "-")


def add_options(parser: argparse.ArgumentParser, kind: type[CommandSettings]) -> None:
    """Add an option for every setting; its help names the variable and the default."""
    for name, field in kind.model_fields.items():
        # argparse formats help with %.
        text = f"{field.description} [{variable(kind, name)}, {_default(field)}]".replace("%", "%%")
        if field.annotation is bool:
            parser.add_argument(
                option(name), action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text
            )
        else:
            metavar = name.rpartition("_")[2].upper()
            parser.add_argument(option(name), default=argparse.SUPPRESS, metavar=metavar, help=text)


def read_settings(options: dict[str, Any], kind: type[AnySettings]) -> AnySettings:
    """Check the environment and, before it, the given options; SettingsError names what is wrong."""
    given = {name: value for name, value in options.items() if name in kind.model_fields}
    try:
        return kind(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(kind, problem) for problem in error.errors())) from None


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if isinstance(field.default, float):
        return f"default: {field.default:g}"
    return f"default: {'none' if field.default in (None, '') else field.default}"


def _explain(kind: type[CommandSettings], problem: Any) -> str:
    fields: Sequence[Any] = problem["loc"]
    for name, field in kind.model_fields.items():
        if fields and fields[0] in (name, variable(kind, name)):
            what = f"{variable(kind, name)} (or {option(name)})"
            if problem["type"] == "missing":
                return f"{what} is missing: {field.description}"
            return f"{what} is {str(problem['input'])!r}: {problem['msg']}"
    return str(problem["msg"]).removeprefix("Value error, ")
