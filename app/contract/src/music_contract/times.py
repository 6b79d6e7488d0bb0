"""The contract's one notation of a moment: RFC 3339 in UTC with milliseconds, 2026-11-23T18:05:00.250Z."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_WITHOUT_ZONE = _EPOCH.replace(tzinfo=None)
_MILLISECOND = timedelta(milliseconds=1)


def to_text(epoch_ms: int) -> str:
    """Write milliseconds since 1970 (UTC) in the contract's notation."""
    moment = _EPOCH_WITHOUT_ZONE + timedelta(milliseconds=epoch_ms)
    return moment.isoformat(timespec="milliseconds") + "Z"


def to_epoch_ms(text: str) -> int:
    """Read the contract's notation as milliseconds since 1970 (UTC); ValueError for a moment that is none."""
    return (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND
