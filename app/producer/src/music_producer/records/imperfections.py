"""What goes wrong on the way from a device to Kafka, each fault with a rate of its own.

A playback becomes one record or, as a resend, two; some come late or out of order, some are rubbish, some
refer to a device that has not been announced, some were written under an older schema. Which playbacks these
are follows from the playbacks' own chance, so the faults too are the same for the same seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntFlag

import numpy as np
from music_contract.rules import MAX_VALUE_BYTES, Reason
from numpy.typing import NDArray

from music_producer.listening.playbacks import TIE_BITS, Ints, Playbacks, joined
from music_producer.world.chance import Hashed
from music_producer.world.dates import MINUTE_MS, SECOND_MS

OUT_OF_ORDER_MS = (SECOND_MS, 2 * MINUTE_MS)
"""How much later than its neighbours a record comes that is out of order: well within a usual watermark."""
RESEND_MS = (0, MINUTE_MS)
"""How long after the first record a client sends the same event again."""
UNPUBLISHED_DEVICES_FROM = 100
"""Devices that are announced after their first event have numbers from here on."""

_DRAWS = 1_000
(_MALFORMED, _LATE, _LATE_BY, _OUT_OF_ORDER, _BY, _DUPLICATE, _AFTER, _UNPUBLISHED, _OLD, _WHICH) = range(
    _DRAWS, _DRAWS + 10
)


class Fault(IntFlag):
    """What is wrong with a record; several things may be."""

    LATE = 1
    DUPLICATE = 2
    """The second record of an event."""
    OUT_OF_ORDER = 4
    MALFORMED = 8
    UNPUBLISHED_DIMENSION = 16
    OLD_SCHEMA = 32


@dataclass(frozen=True)
class Rates:
    """The share of events with each fault, from 0 to 1, and how late the late ones are."""

    late: float = 0.0
    late_ms: tuple[int, int] = (30 * MINUTE_MS, 360 * MINUTE_MS)
    """Least and most that a late event comes after its end."""
    duplicates: float = 0.0
    out_of_order: float = 0.0
    malformed: float = 0.0
    unpublished: float = 0.0
    old_schema: float = 0.0


@dataclass(frozen=True)
class Released:
    """Records in the order in which they are handed to Kafka's client."""

    playbacks: Playbacks
    released_ms: Ints
    faults: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.released_ms)

    def take(self, rows: Ints | NDArray[np.bool_] | slice) -> Released:
        """Return some of the records."""
        return Released(self.playbacks.take(rows), self.released_ms[rows], self.faults[rows])


class Imperfections:
    """Holds back what comes late and adds what comes twice."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._held: Released | None = None

    @property
    def held(self) -> int:
        """How many records are held back."""
        return 0 if self._held is None else len(self._held)

    def release(self, playbacks: Playbacks | None, until_ms: int) -> Released | None:
        """Take in playbacks that have ended by then and return the records that are due by then, in order."""
        parts = [] if self._held is None else [self._held]
        if playbacks is not None:
            parts += self._with_faults(playbacks)
        if not parts:
            return None
        everything = _joined(parts)
        if len(parts) > 1 or everything.released_ms[-1] > until_ms:
            everything = everything.take(_order(everything))
        due = int(np.searchsorted(everything.released_ms, until_ms, side="right"))
        self._held = everything.take(slice(due, None)) if due < len(everything) else None
        return everything.take(slice(0, due)) if due else None

    def _with_faults(self, playbacks: Playbacks) -> list[Released]:
        rates, chance = self._rates, Hashed(playbacks.chance)
        faults = np.zeros(len(playbacks), dtype=np.uint8)
        released_ms = playbacks.ended_ms.copy()

        def befallen(fault: Fault, rate: float, purpose: int, spared: Fault) -> Ints:
            if not rate:
                return np.empty(0, dtype=np.int64)
            rows = np.flatnonzero((chance.uniform(purpose) < rate) & (faults & spared == 0))
            faults[rows] |= np.uint8(fault)
            return rows

        befallen(Fault.MALFORMED, rates.malformed, _MALFORMED, Fault(0))
        late = befallen(Fault.LATE, rates.late, _LATE, Fault.MALFORMED)
        released_ms[late] += _between(rates.late_ms, chance.some(late).uniform(_LATE_BY))
        moved = befallen(Fault.OUT_OF_ORDER, rates.out_of_order, _OUT_OF_ORDER, Fault.MALFORMED | Fault.LATE)
        released_ms[moved] += _between(OUT_OF_ORDER_MS, chance.some(moved).uniform(_BY))
        befallen(Fault.UNPUBLISHED_DIMENSION, rates.unpublished, _UNPUBLISHED, Fault.MALFORMED)
        befallen(Fault.OLD_SCHEMA, rates.old_schema, _OLD, Fault.MALFORMED)
        parts = [Released(playbacks, released_ms, faults)]
        if rates.duplicates:
            twice = (chance.uniform(_DUPLICATE) < rates.duplicates) & (faults & Fault.MALFORMED == 0)
            rows = np.flatnonzero(twice)
            if len(rows):
                again = parts[0].take(rows)
                after = again.released_ms + _between(RESEND_MS, chance.some(rows).uniform(_AFTER))
                # It is the event that is late, once: its resend is a duplicate and no more.
                kept = again.faults & ~np.uint8(Fault.LATE | Fault.OUT_OF_ORDER)
                parts.append(Released(again.playbacks, after, kept | np.uint8(Fault.DUPLICATE)))
        return parts


def _between(bounds: tuple[int, int], quantiles: NDArray[np.float64]) -> Ints:
    least, most = bounds
    return least + (quantiles * (most - least)).astype(np.int64)


def _joined(parts: Sequence[Released]) -> Released:
    if len(parts) == 1:
        return parts[0]
    return Released(
        joined([part.playbacks for part in parts]),
        np.concatenate([part.released_ms for part in parts]),
        np.concatenate([part.faults for part in parts]),
    )


def _order(records: Released) -> Ints:
    """Return the order of release; a resend comes after its first record even in the same moment.

    One number to sort by, the moment before some of the playback's own bits: faster than several columns.
    """
    own = (records.playbacks.chance & TIE_BITS).astype(np.int64)
    is_resend = (records.faults & np.uint8(Fault.DUPLICATE)) // np.uint8(Fault.DUPLICATE)
    return np.argsort(records.released_ms << 22 | own << 1 | is_resend, kind="stable")


def unpublished_devices(released: Released) -> Released:
    """Return the records with the device of an unpublished one exchanged for a device nobody has
    announced.
    """
    rows = np.flatnonzero(released.faults & Fault.UNPUBLISHED_DIMENSION)
    if not len(rows):
        return released
    device = released.playbacks.device.copy()
    which = Hashed(released.playbacks.chance[rows]).bits(_WHICH) % np.uint64(30_000)
    device[rows] = UNPUBLISHED_DEVICES_FROM + which.astype(np.int16)
    columns = {**vars(released.playbacks), "device": device}
    return Released(Playbacks(**columns), released.released_ms, released.faults)


_PREFIX = 5


def _without(value: bytes, field: bytes) -> bytes:
    start = value.index(b'"%b":' % field)
    return value[:start] + value[value.index(b",", start) + 1 :]


def _with(value: bytes, field: bytes, text: bytes) -> bytes:
    start = value.index(b'"%b":' % field) + len(field) + 3
    return value[:start] + text + value[value.index(b",", start) :]


MALFORMATIONS: tuple[tuple[Reason, str], ...] = (
    (Reason.NOT_JSON, "cut off"),
    (Reason.MISSING_FIELD, "no song_id"),
    (Reason.WRONG_TYPE, "ms_played as text"),
    (Reason.BAD_VALUE, "an unknown reason_end"),
    (Reason.NEGATIVE_MS_PLAYED, "ms_played below zero"),
    (Reason.ABSURD_MS_PLAYED, "ms_played above a day"),
    (Reason.FUTURE_TIME, "event_time in the year 2099"),
    (Reason.UNKNOWN_SCHEMA, "a schema id that nobody has registered"),
    (Reason.EMPTY, "no value"),
    (Reason.TOO_LARGE, "more bytes than a consumer reads"),
)
"""The ways in which a record is rubbish, with the reason for which a consumer must refuse it."""

UNKNOWN_SCHEMA_ID = 2**31 - 1


def malformation(chance: int) -> Reason:
    """Return what is wrong with a malformed record, from its playback's chance; the last is rare, being
    big.
    """
    number = chance >> 7
    return MALFORMATIONS[number % len(MALFORMATIONS) if number % 50 == 9 else number % 9][0]


def malformed(value: bytes, reason: Reason) -> bytes:
    """Return a good value (wire prefix and JSON) spoiled in the way for which it must be refused."""
    match reason:
        case Reason.NOT_JSON:
            return value[: len(value) // 2]
        case Reason.MISSING_FIELD:
            return _without(value, b"song_id")
        case Reason.WRONG_TYPE:
            return _with(value, b"ms_played", b'"long"')
        case Reason.BAD_VALUE:
            return _with(value, b"reason_end", b'"boredom"')
        case Reason.NEGATIVE_MS_PLAYED:
            return _with(value, b"ms_played", b"-1")
        case Reason.ABSURD_MS_PLAYED:
            return _with(value, b"ms_played", b"86400001")
        case Reason.FUTURE_TIME:
            return _with(value, b"event_time", b'"2099-01-01T00:00:00.000Z"')
        case Reason.UNKNOWN_SCHEMA:
            return b"\0" + UNKNOWN_SCHEMA_ID.to_bytes(4, "big") + value[_PREFIX:]
        case Reason.EMPTY:
            return b""
        case Reason.TOO_LARGE:
            return value + b" " * MAX_VALUE_BYTES
    raise ValueError(f"no malformation is refused as {reason}")


def rows_with(faults: NDArray[np.uint8], fault: Fault) -> Iterator[int]:
    """Yield the numbers of the records with a fault."""
    yield from np.flatnonzero(faults & fault).tolist()
