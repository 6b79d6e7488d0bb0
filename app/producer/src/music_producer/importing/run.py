"""An import: the history is read once to know it as a whole, and once more to send it."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from music_contract import times
from music_contract.topics import STREAM_EVENTS

from music_producer.importing import files, formats, progress
from music_producer.importing.files import HistoryFile, RefusedError
from music_producer.importing.formats import Broken, Format
from music_producer.importing.history import History
from music_producer.importing.listen import Listen
from music_producer.importing.listener import Listener
from music_producer.importing.records import Records
from music_producer.importing.resuming import Place, default_directory
from music_producer.importing.settings import ImportSettings
from music_producer.sending.delivery import Delivery
from music_producer.sending.registry import schema_ids
from music_producer.sending.stopping import Stop
from music_producer.sending.topic import topic_id

_log = logging.getLogger(__name__)

_MOST_SHOWN = 20
_LISTENS_BETWEEN_NOTES = 1_000
_LISTENS_BETWEEN_PAUSES = 100

EXIT_DONE, EXIT_UNFINISHED, EXIT_REFUSED, EXIT_BROKEN_ENTRIES = 0, 1, 2, 3


@dataclass
class Readings:
    """The files of an import with their formats, read as often as needed."""

    files: Sequence[tuple[HistoryFile, Format]]
    broken: Counter[str] = field(default_factory=Counter)
    """Broken entries by file, as the first reading found them."""
    refused: list[tuple[HistoryFile, Broken]] = field(default_factory=list)
    """Files that looked like a history by their name alone."""
    left_out: int = 0

    @property
    def bytes(self) -> int:
        """How much there is to read."""
        return sum(file.size for file, _ in self.files)

    def listens(
        self,
        count: Callable[[int], object],
        report: Callable[[HistoryFile, Broken], object] | None = None,
    ) -> Iterator[tuple[HistoryFile, Listen]]:
        """Yield every listen, in the same order each time; tell, where asked for, of what is none."""
        for file, known in self.files:
            for outcome in formats.listens(file, known, count):
                if isinstance(outcome, Listen):
                    yield file, outcome
                elif report is None:
                    continue
                elif isinstance(outcome, Broken):
                    report(file, outcome)
                else:
                    self.left_out += 1


def run(paths: Sequence[Path], settings: ImportSettings, stop: Stop) -> int:
    """Import the histories; the exit code.

    RefusedError when a path is no history; RecordRefusedError when Kafka refuses a record for what it is.
    """
    now_ms = _wall_ms()
    listener = settings.listener
    readings = recognise(files.find(paths), settings, now_ms)
    history = read_through(readings, listener, settings.report, stop)
    if stop.asked:
        return EXIT_UNFINISHED
    if not history.listens:
        raise RefusedError(
            f"There is no listen to import in {', '.join(map(str, paths))}. {formats.EXPECTED}."
        )
    _log.info(
        "%d listens from %s to %s: %d songs, %d artists, %d albums",
        history.listens, times.to_text(history.first_ms)[:10], times.to_text(history.last_ms)[:10],
        len(history.songs), len(history.artists), len(history.albums),
    )  # fmt: skip
    sent = _send(readings, Records(listener, history), settings, stop)
    if sent is None:
        _log.error("not finished: the same command goes on where it was")
        return EXIT_UNFINISHED
    broken = readings.broken.total()
    _log.info(
        "done: Kafka has all %d listens of %s (%s)%s%s",
        history.listens, listener.name, listener.user_id,
        f"; {broken} broken entries were skipped" if broken else "",
        f"; {readings.left_out} of private sessions were left out" if readings.left_out else "",
    )  # fmt: skip
    # For whoever calls this: under which id the listener is found. All else goes to standard error.
    print(listener.user_id)
    return EXIT_BROKEN_ENTRIES if broken and settings.strict else EXIT_DONE


def recognise(found: Sequence[HistoryFile], settings: ImportSettings, now_ms: int) -> Readings:
    """Find out each file's format; RefusedError for one that was named itself and has none.

    A file of a folder or zip that only looked like a history by its name is told and counted as broken.
    """
    readings = Readings([])
    known: list[tuple[HistoryFile, Format]] = []
    for file in found:
        try:
            recognised = formats.detect(
                file, now_ms, leave_out_private_sessions=settings.leave_out_private_sessions
            )
        except RefusedError as error:
            if file.is_named:
                raise
            readings.refused.append((file, Broken(0, str(error))))
            continue
        if recognised:
            known.append((file, recognised))
            _log.info("%s: %s", file.name, recognised.name)
    readings.files = known
    return readings


def read_through(readings: Readings, listener: Listener, report: Path | None, stop: Stop) -> History:
    """Read every file once, and tell and count what is broken; OSError when the report cannot be written."""
    history = History(listener.user_id)
    with ExitStack() as stack:
        lines = stack.enter_context(report.open("w", encoding="utf-8")) if report else None
        bar = stack.enter_context(progress.bar("reading", readings.bytes, "B"))
        report_broken = _reporter(readings.broken, lines)
        for file, reason in readings.refused:
            report_broken(file, reason)
        for _, listen in readings.listens(bar.update, report_broken):
            history.add(listen)
            if stop.asked:
                break
    for name, count in readings.broken.items():
        _log.warning("%s: %d broken entries in all", name, count)
    return history


def _reporter(broken: Counter[str], lines: TextIO | None) -> Callable[[HistoryFile, Broken], None]:
    shown = 0

    def report(file: HistoryFile, entry: Broken) -> None:
        nonlocal shown
        broken[file.name] += 1
        place = f"{file.name}:{entry.line}" if entry.line else file.name
        if lines:
            print(f"{place}: {entry.reason}", file=lines)
        shown += 1
        if shown <= _MOST_SHOWN:
            _log.warning("skipped: %s: %s", place, entry.reason)
        elif shown == _MOST_SHOWN + 1:
            _log.warning("further broken entries are counted%s", "" if lines else "; --report FILE lists all")

    return report


def _send(readings: Readings, records: Records, settings: ImportSettings, stop: Stop) -> int | None:
    """Deliver everything; how many listens were sent, None when it was ended before the last."""
    ids = schema_ids(settings.registry_url, stop)
    topic = topic_id(settings.bootstrap_servers, STREAM_EVENTS, stop)
    if ids is None or topic is None:
        return None
    place = Place(
        settings.progress_dir or default_directory(),
        [file for file, _ in readings.files],
        repr(records.listener),
        topic,
    )
    delivery = Delivery(settings.bootstrap_servers, ids.current, give_up=lambda: stop.insisted)
    for record in records.dimensions():
        delivery.send(record)
        if stop.asked:
            return None
    delivery.flush()
    before = place.read()
    if before:
        _log.info("going on after %d listens that Kafka has from an import that was ended", before)
    sent = 0
    began = time.monotonic()
    with progress.bar("sending", records.history.listens, "listens") as bar:
        for file, listen in readings.listens(lambda _: None):
            # Also for those not sent again: it counts which listens look alike.
            record = records.event(listen, file.export, _wall_ms())
            sent += 1
            bar.update()
            if sent <= before:
                continue
            delivery.send(record)
            if sent % _LISTENS_BETWEEN_PAUSES == 0:
                _wait(delivery, began + (sent - before) / settings.rate)
            if sent % _LISTENS_BETWEEN_NOTES == 0 or stop.asked:
                if delivery.flush():
                    return None
                _note(place, sent)
            if stop.asked:
                return None
    if delivery.flush():
        return None
    place.forget()
    return sent


def _wait(delivery: Delivery, until: float) -> None:
    delivery.serve(0)
    while (left := until - time.monotonic()) > 0:
        delivery.serve(left)


def _note(place: Place, acknowledged: int) -> None:
    try:
        place.write(acknowledged)
    except OSError as error:
        # Only the time that going on would save is lost.
        _log.warning("how far the import is cannot be noted: %s", error)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
