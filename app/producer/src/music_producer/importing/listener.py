"""Who listened: what an export keeps to itself, the listener has to say."""

from __future__ import annotations

from dataclasses import dataclass

from music_producer.importing import identities


@dataclass(frozen=True)
class Listener:
    """A listener, as far as anybody says."""

    name: str
    country: str | None
    """ISO 3166-1 alpha-2."""
    time_zone: str | None
    """IANA name; counts for the listener's country."""
    subscription: str

    @property
    def user_id(self) -> str:
        """The id that follows from the name."""
        return identities.user_id(self.name)
