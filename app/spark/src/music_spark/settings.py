"""The job's settings, read from MUSIC_* environment variables and checked before anything starts."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

_UNITS = {"millisecond": 0.001, "second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
_EXAMPLES = '"500 milliseconds", "10 minutes" or "1 hour"'


LONGEST_WINDOW = timedelta(days=1)


def parse_duration(value: object) -> object:
    """Read a duration in Spark's spelling ("10 minutes"); other types pass through to pydantic."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+)\s*(millisecond|second|minute|hour|day)s?\s*", value)
    if not match:
        raise ValueError(f"write a number and a unit, such as {_EXAMPLES}, not {value!r}")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def _dividing_a_day(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1) or LONGEST_WINDOW % value:
        raise ValueError(
            "a window's length must divide a day into equal parts, such as 1 minute, 5 minutes or 1 hour"
        )
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
WindowLength = Annotated[Duration, AfterValidator(_dividing_a_day)]


class Windows(BaseSettings):
    """Window length of each metric family; every window is aligned to the Unix epoch."""

    model_config = SettingsConfigDict(env_prefix="MUSIC_WINDOW_", extra="ignore")

    content: WindowLength = timedelta(minutes=5)
    device: WindowLength = timedelta(minutes=1)
    location: WindowLength = timedelta(minutes=1)
    user: WindowLength = timedelta(hours=1)
    hourly: WindowLength = timedelta(hours=1)


class Settings(BaseSettings):
    """Where the job reads and writes, and how it paces itself."""

    model_config = SettingsConfigDict(env_prefix="MUSIC_", extra="ignore")

    kafka_bootstrap_servers: str = Field(min_length=1)
    schema_registry_url: str = Field(pattern=r"^https?://")
    postgres_dsn: SecretStr
    checkpoint_dir: Path
    """Scratch for Spark's own bookkeeping: the authority for offsets is PostgreSQL."""
    trigger_interval: Duration = timedelta(milliseconds=200)
    watermark_delay: Duration = timedelta(minutes=10)
    rollup_interval: Duration = timedelta(seconds=15)
    """Pause between two refreshes of the rollups behind the analytics views."""
    max_offsets_per_batch: int = Field(default=100_000, ge=1)


def load() -> tuple[Settings, Windows]:
    """Read the settings; SystemExit with one sentence per wrong variable."""
    problems: list[str] = []
    found: list[BaseSettings] = []
    for kind in (Settings, Windows):
        try:
            found.append(kind())
        except ValidationError as error:
            prefix = kind.model_config["env_prefix"]
            for problem in error.errors():
                name = prefix + "_".join(str(part) for part in problem["loc"]).upper()
                problems.append(f"{name}: {problem['msg']}")
    if problems:
        raise SystemExit("The settings of the stream job are not usable.\n  " + "\n  ".join(problems))
    settings, windows = found
    assert isinstance(settings, Settings) and isinstance(windows, Windows)
    return settings, windows
