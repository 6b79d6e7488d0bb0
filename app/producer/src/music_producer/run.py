"""A run in live mode: the dimensions first, then events at a steady rate until asked to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping

from music_contract.topics import STREAM_EVENTS

from music_producer import history, report
from music_producer.delivery import Delivery, RecordRefusedError
from music_producer.pacing import Pace
from music_producer.playback import Simulation
from music_producer.registry import schema_ids
from music_producer.settings import Settings
from music_producer.source import EventSource, Record
from music_producer.stopping import Stop
from music_producer.topic import has_records
from music_producer.world import dimension_records, make_world

_log = logging.getLogger(__name__)

_LARGEST_BATCH = 5_000
_SHORTEST_WAIT_SECONDS = 0.02
_LONGEST_WAIT_SECONDS = 0.1
_LOG_EVERY_SECONDS = 60.0


def run(settings: Settings, stop: Stop) -> bool:
    """Produce until the settings' end or until asked to stop; True when Kafka has acknowledged every record.

    RecordRefusedError when Kafka refuses a record for what it is; OSError when the report cannot be written.
    """
    began = time.monotonic()
    world = make_world(settings.seed, settings.users, settings.songs)
    _log.info(
        "made %d users and %d songs from seed %d in %.1f s",
        settings.users,
        settings.songs,
        settings.seed,
        time.monotonic() - began,
    )
    ids = schema_ids(settings.registry_url, stop)
    if ids is None:
        return True
    live = _LiveRun(settings, stop, ids)
    try:
        live.publish_dimensions(dimension_records(world))
        source = Simulation(world)
        if settings.history:
            live.produce_history(source)
        live.produce_events(source)
        return live.finish()
    except RecordRefusedError:
        live.write_report(finished=False)
        raise


class _LiveRun:
    """The state of one run: what is delivered, since when, and the report of it."""

    def __init__(self, settings: Settings, stop: Stop, ids: Mapping[str, int]) -> None:
        self._delivery = Delivery(
            settings.bootstrap_servers,
            ids,
            give_up=lambda: stop.insisted,
            meanwhile=self._keep_report,
        )
        self._settings = settings
        self._stop = stop
        self._started_ms = _wall_ms()
        self._began = time.monotonic()
        self._events_began: float | None = None
        self._history_events = 0
        self._reported = self._logged = self._began
        self.write_report(finished=False)

    def publish_dimensions(self, records: Iterable[Record]) -> None:
        """Send them and wait until Kafka has them all: no event comes before what it refers to."""
        for record in records:
            if self._stop.asked:
                break
            self._delivery.send(record)
        self._delivery.flush()
        _log.info(
            "Kafka has %d dimension records after %.1f s",
            self._delivery.tally.acknowledged.total(),
            time.monotonic() - self._began,
        )

    def produce_history(self, source: EventSource) -> None:
        """Send the events of the time before now, as fast as can be, into a topic that has none yet.

        A topic with events has its past: a restart adds no second one. A kill in the midst leaves a past that
        is shorter, never a doubled one.
        """
        if has_records(self._settings.bootstrap_servers, STREAM_EVENTS, self._stop):
            return
        now_ms = _wall_ms()
        for moment_ms, count in history.moments(now_ms, self._settings.history, self._settings.history_rate):
            if self._stop.asked:
                break
            for record in source.batch(count, moment_ms):
                self._delivery.send(record)
                self._history_events += 1
            self._delivery.serve(0)
            self._keep_report()
        self._delivery.flush()
        _log.info("Kafka has %d events of the %g s before", self._history_events, self._settings.history)

    def produce_events(self, source: EventSource) -> None:
        """Send the source's events at the rate, until the duration, the count or a stop ends it."""
        began = self._events_began = time.monotonic()
        pace = Pace(self._settings.rate, began)
        left = self._settings.events or None
        while not self._stop.asked and left != 0:
            now = time.monotonic()
            if self._settings.duration and now - began >= self._settings.duration:
                return
            count = pace.due(now, min(_LARGEST_BATCH, left or _LARGEST_BATCH))
            if count == 0:
                wait = min(max(pace.seconds_until_due(), _SHORTEST_WAIT_SECONDS), _LONGEST_WAIT_SECONDS)
                self._delivery.serve(wait)
            else:
                records = source.batch(count, _wall_ms())
                for record in records:
                    self._delivery.send(record)
                pace.spend(len(records))
                left = None if left is None else left - len(records)
                self._delivery.serve(0)
            self._keep_report()

    def finish(self) -> bool:
        """Deliver what is on its way, unless a second signal gives it up; True when nothing is left."""
        waiting = self._delivery.unacknowledged
        if waiting:
            _log.info("waiting until Kafka has acknowledged the last %d records", waiting)
        unsent = self._delivery.flush()
        self.write_report(finished=unsent == 0)
        if unsent:
            _log.error("gave up %d records that Kafka has not acknowledged", unsent)
        else:
            total = self._delivery.tally.acknowledged.total()
            _log.info("done: Kafka has acknowledged all %d records", total)
        return unsent == 0

    def _keep_report(self) -> None:
        now = time.monotonic()
        if now - self._reported >= report.EVERY_SECONDS:
            self._reported = now
            try:
                self.write_report(finished=False)
            except OSError as error:
                # Events are worth more than their report: a full disk must not stop them.
                _log.warning("the report cannot be written: %s", error)
        if now - self._logged >= _LOG_EVERY_SECONDS:
            self._logged = now
            tally, waiting = self._delivery.tally, self._delivery.unacknowledged
            _log.info("%d records acknowledged, %d on their way", tally.acknowledged.total(), waiting)

    def write_report(self, *, finished: bool) -> None:
        """Write the report, if one is wanted; OSError when its file cannot be written."""
        if self._settings.report is None:
            return
        flowed = 0.0 if self._events_began is None else time.monotonic() - self._events_began
        summary = report.summary(
            self._settings,
            self._delivery,
            started_ms=self._started_ms,
            now_ms=_wall_ms(),
            event_seconds=flowed,
            history_events=self._history_events,
            finished=finished,
        )
        report.write(self._settings.report, summary)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
