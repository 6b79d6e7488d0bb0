"""Histories read without a platform: the records that an import would send."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from music_contract import times
from music_contract.topics import STREAM_EVENTS
from music_producer.importing import files, run
from music_producer.importing.listen import Listen
from music_producer.importing.records import Records
from music_producer.importing.settings import ImportSettings
from music_producer.sending.stopping import Stop
from music_producer.source import Record

SAMPLES = Path(__file__).parent / "samples"
NOW_MS = times.to_epoch_ms("2026-11-24T12:00:00.000Z")


@dataclass(frozen=True)
class Imported:
    """What an import makes of its files."""

    records: Sequence[Record]
    listens: Sequence[Listen]
    broken: int
    reported: Sequence[str]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events, as the topic would have them."""
        return [orjson.loads(record.payload) for record in self.records if record.topic == STREAM_EVENTS]

    def dimension(self, topic: str) -> dict[str, dict[str, Any]]:
        """The records of a dimension topic, by id."""
        return {
            record.key.decode(): orjson.loads(record.payload)
            for record in self.records
            if record.topic == topic
        }

    @property
    def ids(self) -> set[str]:
        """What is stored once each."""
        return {event["event_id"] for event in self.events}


def imported(*paths: Path, report: Path | None = None, now_ms: int = NOW_MS, **settings: Any) -> Imported:
    """Read the files as an import does; files.RefusedError as it does."""
    chosen = ImportSettings(
        bootstrap_servers="127.0.0.1:1", registry_url="http://127.0.0.1:1", report=report, **settings
    )
    readings = run.recognise(files.find(paths), chosen, now_ms)
    history = run.read_through(readings, chosen.listener, report, Stop())
    if not history.listens:
        return Imported([], [], readings.broken.total(), [])
    records = Records(chosen.listener, history)
    sent = list(records.dimensions())
    listens = []
    for file, listen in readings.listens(lambda _: None):
        sent.append(records.event(listen, file.export, time.time_ns() // 1_000_000))
        listens.append(listen)
    lines = report.read_text("utf-8").splitlines() if report else []
    return Imported(sent, listens, readings.broken.total(), lines)


def write_history(path: Path, *, listens: int, years: int, seed: int = 1, songs: int = 4_000) -> None:
    """Write an extended history of made-up listens, oldest first, up to the day before NOW_MS.

    A listener plays in sessions of some twenty songs, favourites far more often than others.
    """
    chance = random.Random(seed)
    lengths = [chance.randrange(120_000, 360_000) for _ in range(songs)]
    sessions = max(1, listens // 20)
    between = years * 365.25 * 86_400_000 / sessions
    moment = NOW_MS - 86_400_000 - years * 365.25 * 86_400_000
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for number in range(listens):
            if number % 20 == 0:
                moment += between - 20 * 200_000
            song = min(int(chance.paretovariate(0.6)) - 1, songs - 1)
            skipped = chance.random() < 0.3
            played = chance.randrange(1_000, 60_000) if skipped else lengths[song]
            moment += played
            entry = {
                "ts": times.to_text(int(moment))[:19] + "Z",
                "platform": "ios" if number // 20 % 3 else "windows",
                "ms_played": played,
                "conn_country": "DE",
                "ip_addr": "203.0.113.7",
                "master_metadata_track_name": f"Song {song}",
                "master_metadata_album_artist_name": f"Artist {song % 700}",
                "master_metadata_album_album_name": f"Album {song % 1300}",
                "spotify_track_uri": f"spotify:track:{song:022d}",
                "reason_start": "trackdone",
                "reason_end": "fwdbtn" if skipped else "trackdone",
                "shuffle": False,
                "skipped": skipped,
                "offline": False,
                "incognito_mode": False,
            }
            file.write(("," if number else "") + orjson.dumps(entry).decode())
        file.write("]\n")
