"""A run: the dimensions first, then the simulated events and changes until its end or until asked to stop."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Iterable
from itertools import takewhile

from music_contract import times, wire
from music_contract.topics import STREAM_EVENTS

from music_producer import report
from music_producer.listening.experiments import assign
from music_producer.listening.pacing import Clock, Stride
from music_producer.listening.population import Behaviour, Population
from music_producer.listening.simulation import Simulation
from music_producer.records.events import EventStream
from music_producer.records.imperfections import Rates, Released
from music_producer.records.rendering import Renderer
from music_producer.records.truth import Truth
from music_producer.sending.delivery import Delivery, RecordRefusedError
from music_producer.sending.registry import NoOlderSchemaError, SchemaIds, schema_ids
from music_producer.sending.stopping import Stop
from music_producer.sending.topic import has_records
from music_producer.settings import Settings
from music_producer.source import Block
from music_producer.world.dates import WORLD_START_MS
from music_producer.world.world import Changes, dimension_records, make_world

_log = logging.getLogger(__name__)

_EVENTS_A_STEP = 64_000
_OBJECTS_BEFORE_COLLECTION = 200_000
_WAIT_SECONDS = 0.05
"""How often time is advanced when the present is reached: each step costs a millisecond or two, however few
events it has.
"""
_LOG_EVERY_SECONDS = 60.0
_MOST_AHEAD_MS = 60_000
"""A moment may be five minutes ahead of the broker's clock: four are left to clocks that differ."""


def run(settings: Settings, stop: Stop) -> bool:
    """Produce until the settings' end or until asked to stop; True when Kafka has acknowledged every record.

    RecordRefusedError when Kafka refuses a record for what it is; NoOlderSchemaError when one is asked for
    that the registry does not hold; OSError when the report or the ground truth cannot be written.
    """
    population = make_population(settings)
    ids = schema_ids(settings.registry_url, stop)
    if ids is None:
        return True
    if settings.old_schema and ids.older_event is None:
        raise NoOlderSchemaError(
            f"the registry at {settings.registry_url} holds no older schema of {STREAM_EVENTS}: it was set "
            "up with the present one; leave --old-schema out"
        )
    return produce(settings, stop, ids, population)


def produce(settings: Settings, stop: Stop, ids: SchemaIds, population: Population) -> bool:
    """Produce what `population` does, framed with the schema `ids`; otherwise as `run`."""
    # Thousands of records at a time are objects enough to call the collector of cycles, and hold none.
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
    this = Run(settings, stop, ids, population)
    try:
        this.publish_dimensions()
        this.produce_events()
        return this.finish()
    except RecordRefusedError:
        this.write_report(finished=False)
        raise


def make_population(settings: Settings) -> Population:
    """Return the listeners of the settings' world, with their behaviour and experiments."""
    began = time.monotonic()
    world = make_world(settings.seed, settings.users, settings.songs, settings.premium_share)
    behaviour = Behaviour(
        zipf_exponent=settings.zipf_exponent,
        shuffle_share=settings.shuffle_share,
        offline_share=settings.offline_share,
        context_switch_share=settings.context_switch_share,
        device_switch_share=settings.device_switch_share,
    )
    assignment = assign(settings.chosen_experiments, world.listeners.users)
    population = Population(world, behaviour, assignment)
    _log.info(
        "made %d users and %d songs from seed %d in %.1f s",
        settings.users,
        settings.songs,
        settings.seed,
        time.monotonic() - began,
    )
    return population


def rates_of(settings: Settings) -> Rates:
    """Return the rates of the imperfections."""
    return Rates(
        late=settings.late,
        late_ms=(round(settings.late_from * 1000), round(settings.late_to * 1000)),
        duplicates=settings.duplicates,
        out_of_order=settings.out_of_order,
        malformed=settings.malformed,
        unpublished=settings.unpublished,
        old_schema=settings.old_schema,
    )


class Run:
    """The state of one run: simulated time, what is delivered, and the report and the truth of it."""

    def __init__(self, settings: Settings, stop: Stop, ids: SchemaIds, population: Population) -> None:
        self._settings = settings
        self._stop = stop
        self._ids = ids
        self._population = population
        self._began = time.monotonic()
        self._started_ms = _wall_ms()
        self._events_began: float | None = None
        self._seconds_to_first_event: float | None = None
        self._history_events = 0
        self._reported = self._logged = self._began
        self._live_ms = self._begin_of_live()
        history_ms = round(self._history_seconds() * 1000)
        self._now_ms = self._start_ms = max(self._live_ms - history_ms, WORLD_START_MS)
        # Two clients, so that changes can be waited for while events are on their way.
        self._dimensions, self._events = (
            Delivery(
                settings.bootstrap_servers,
                ids.current,
                give_up=lambda: stop.insisted,
                meanwhile=self._keep_report,
            )
            for _ in range(2)
        )
        self._changes = Changes(population.world)
        self._changed_until_ms = self._start_ms
        assignment = population.assignment
        older = None if ids.older_event is None else wire.frame(ids.older_event, b"")
        rate = settings.rate if self._start_ms == self._live_ms else settings.history_rate
        self._simulation = Simulation(population, self._start_ms, rate)
        self._rate = rate
        renderer = Renderer(population.world, assignment, ids.current[STREAM_EVENTS])
        self._stream = EventStream(self._simulation, rates_of(settings), renderer, older)
        self._truth = self._open_truth()
        self._tell_listeners()
        self.write_report(finished=False)

    def _begin_of_live(self) -> int:
        return self._started_ms if self._settings.start is None else self._settings.start

    def _history_seconds(self) -> float:
        """Return how long a past to fill: none where the topic has events, since a restart adds no second
        one.

        A kill in the midst leaves a past that is shorter, never a doubled one.
        """
        settings = self._settings
        if not settings.history or has_records(settings.bootstrap_servers, STREAM_EVENTS, self._stop):
            return 0.0
        return settings.history

    def _open_truth(self) -> Truth | None:
        if self._settings.truth is None:
            return None
        settings = self._settings.model_dump(mode="json", exclude={"bootstrap_servers", "registry_url"})
        settings["start"] = times.to_text(self._start_ms)
        return Truth(self._settings.truth, self._population, settings)

    def _tell_listeners(self) -> None:
        _log.info(
            "simulated time begins at %s; the same seed, settings and --start make the same events again",
            times.to_text(self._start_ms),
        )
        if self._simulation.listeners_a_user > 1:
            _log.warning(
                "%d users cannot make %g events a second: each stands for %d listeners, who overlap",
                self._settings.users,
                self._rate,
                self._simulation.listeners_a_user,
            )

    def publish_dimensions(self) -> None:
        """Send them and wait until Kafka has them all: no event comes before what it refers to."""
        blocks = dimension_records(self._population.world, self._start_ms)
        self._send_dimensions(takewhile(lambda _: not self._stop.asked, blocks))
        self._dimensions.flush()
        _log.info(
            "Kafka has %d dimension records after %.1f s",
            self._dimensions.tally.acknowledged.total(),
            time.monotonic() - self._began,
        )

    def produce_events(self) -> None:
        """Advance simulated time, until the span, the duration, the count or a stop ends it."""
        settings = self._settings
        began = self._events_began = time.monotonic()
        self._seconds_to_first_event = round(began - self._began, 1)
        clock = Clock(self._start_ms, settings.speed, began)
        end_ms = self._live_ms + round(settings.span * 1000) if settings.span else None
        stride = Stride(self._rate, _EVENTS_A_STEP)
        while not self._stop.asked:
            now = time.monotonic()
            if settings.duration and now - began >= settings.duration:
                return
            target_ms = clock.reached_ms(now, _wall_ms())
            # The simulation of the past ends where that of the present begins.
            bounds = [target_ms, self._now_ms + stride.step_ms, *([end_ms] if end_ms else [])]
            if self._now_ms < self._live_ms:
                bounds.append(self._live_ms)
            until_ms = min(bounds)
            if end_ms and self._now_ms >= end_ms:
                return
            if until_ms == target_ms and until_ms - self._now_ms < _WAIT_SECONDS * 1000:
                # Kafka's answers end the wait before its time.
                self._events.serve(_WAIT_SECONDS)
            else:
                step_ms, events = until_ms - self._now_ms, self.advance(until_ms)
                stride.note(step_ms, events)
                if settings.events and self._sent_events >= settings.events:
                    return
                if until_ms == self._live_ms:
                    self._begin_live()
                    stride = Stride(self._rate, _EVENTS_A_STEP)
                # Nothing waits while there is more to simulate.
                self._events.serve(_WAIT_SECONDS if until_ms == target_ms else 0)
            self._keep_report()

    @property
    def _sent_events(self) -> int:
        return self._events.given(STREAM_EVENTS)

    def advance(self, until_ms: int) -> int:
        """Bring simulated time to a later moment; return how many records that made."""
        # Changes go ahead by a step, so that Kafka has them, as a rule, before it is asked for. A step of a
        # backfill may be an hour: it does not reach into the future, of which no consumer takes a record.
        ahead_ms = min(until_ms + (until_ms - self._now_ms), _wall_ms() + _MOST_AHEAD_MS)
        if self._changed_until_ms < until_ms:
            self._send_changes(until_ms)
        self._dimensions.flush()
        left = self._settings.events - self._sent_events if self._settings.events else None
        records = 0
        for batch in self._stream.advance(until_ms, left):
            ended_ms = batch.released.playbacks.ended_ms
            self._events.tally.note_event_times(int(ended_ms.min()), int(ended_ms.max()))
            self._events.send_all(STREAM_EVENTS, batch.rendered.values, batch.rendered.keys)
            self._tell_truth(batch.released)
            records += len(batch.released)
        self._now_ms = until_ms
        self._send_dimensions([self._stream.announcements(until_ms)])
        self._send_changes(ahead_ms)
        return records

    def _begin_live(self) -> None:
        """Go from the history's rate to that of the present."""
        self._events.flush()
        self._history_events = self._sent_events
        _log.info("Kafka has %d events of the time before", self._history_events)
        self._rate = self._settings.rate
        busy_until_ms = self._simulation.busy_until_ms
        self._simulation = Simulation(self._population, self._live_ms, self._rate, busy_until_ms)
        self._stream.follow(self._simulation)
        self._tell_listeners()
        self._events_began = time.monotonic()

    def _send_changes(self, until_ms: int) -> None:
        if until_ms > self._changed_until_ms:
            self._send_dimensions(self._changes.records(self._changed_until_ms, until_ms))
            self._changed_until_ms = until_ms

    def _send_dimensions(self, blocks: Iterable[Block]) -> None:
        for topic, keys, payloads in blocks:
            if self._stop.insisted:
                return
            prefix = wire.frame(self._ids.current[topic], b"")
            self._dimensions.send_all(topic, [payload and prefix + payload for payload in payloads], keys)
            self._keep_report()

    def flush(self) -> int:
        """Wait until all that was sent is acknowledged, or given up; return how many records are not."""
        return self._dimensions.flush() + self._events.flush()

    def finish(self) -> bool:
        """Deliver what is on its way, unless a second signal gives it up.

        True when nothing is left and the ground truth, if one is wanted, is whole.
        """
        self._send_dimensions([self._stream.announcements()])
        waiting = self._dimensions.unacknowledged + self._events.unacknowledged
        if waiting:
            _log.info("waiting until Kafka has acknowledged the last %d records", waiting)
        unsent = self.flush()
        self.write_report(finished=unsent == 0)
        truth_is_whole = self._finish_truth()
        if unsent:
            _log.error("gave up %d records that Kafka has not acknowledged", unsent)
        else:
            acknowledged = self._dimensions.tally.acknowledged + self._events.tally.acknowledged
            _log.info("done: Kafka has acknowledged all %d records", acknowledged.total())
        return unsent == 0 and truth_is_whole

    def _tell_truth(self, released: Released) -> None:
        if self._truth is None:
            return
        try:
            self._truth.add(released)
        except OSError as error:
            # Events are worth more than their truth, which goes on saying that it is not complete.
            _log.error("the ground truth cannot be written and ends here: %s", error)
            self._truth = None

    def _finish_truth(self) -> bool:
        """Write the rest of the truth; False when one is wanted and not whole."""
        if self._truth is None:
            return self._settings.truth is None
        try:
            whole = self._truth.finish(self._events.tally.acknowledged[STREAM_EVENTS])
        except OSError as error:
            _log.error("the ground truth cannot be written to its end: %s", error)
            return False
        if not whole:
            _log.error("the ground truth counts records that Kafka has not acknowledged; it says so")
        return whole

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
            _log.info(
                "%d events acknowledged, %d on their way, simulated time is %s",
                self._events.tally.acknowledged.total(),
                self._events.unacknowledged,
                times.to_text(self._now_ms),
            )

    def write_report(self, *, finished: bool) -> None:
        """Write the report, if one is wanted; OSError when its file cannot be written."""
        if self._settings.report is None:
            return
        flowed = 0.0 if self._events_began is None else time.monotonic() - self._events_began
        summary = report.summary(
            self._settings,
            (self._dimensions, self._events),
            started_ms=self._started_ms,
            now_ms=_wall_ms(),
            simulated_ms=(self._start_ms, self._now_ms),
            seconds_to_first_event=self._seconds_to_first_event,
            event_seconds=flowed,
            history_events=self._history_events,
            finished=finished,
        )
        report.write(self._settings.report, summary)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
