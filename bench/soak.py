"""What the stream job keeps while it runs: memory, checkpoint and open windows, minute by minute.

    python -m bench.soak [--minutes 60] [--rate 500]

A platform of its own, events at a steady rate. What belongs to the present (the job's memory, its checkpoint,
the metric rows of windows that are not final) must stay flat once the watermark moves; the database alone
grows, by the facts.
"""

from __future__ import annotations

import argparse
import threading
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from music_platform.hosts import processes
from music_spark.aggregation import families
from music_spark.settings import Windows

from bench import work
from tests import second_platform
from tests.second_platform import SecondPlatform

RESULT = Path(__file__).parents[1] / "build" / "bench" / "soak.json"
_MINUTE_S = 60.0


@dataclass(frozen=True)
class Look:
    """What there was at one moment."""

    minute: int
    events: int
    """Read so far."""
    driver_mb: float
    """Proportional set size of the job's driver, its JVM and its Python."""
    executor_mb: float
    """The same of worker, executor and Python's workers."""
    checkpoint_kb: float
    checkpoint_files: int
    open_rows: int
    """Metric rows of windows that are not final, all families."""
    database_mb: float


def main() -> None:
    """Run for so long, print a row for each minute, and write build/bench/soak.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=int, default=60, help="how long to run (60)")
    parser.add_argument("--rate", type=int, default=500, help="events a second (500)")
    parser.add_argument("--result", type=Path, default=RESULT, help="file to write (build/bench/soak.json)")
    options = parser.parse_args()
    work.end_on_sigterm()
    work.say("a platform of its own starts; it is destroyed in the end")
    looks = []
    with second_platform.start(RATE=options.rate, HISTORY=0) as platform:
        began = time.monotonic()
        print("".join(f"{field.name:>18}" for field in fields(Look)))
        for minute in range(1, options.minutes + 1):
            threading.Event().wait(max(0.0, began + minute * _MINUTE_S - time.monotonic()))
            looks.append(_look(platform, minute))
            print("".join(f"{value:>18,}" for value in asdict(looks[-1]).values()), flush=True)
    work.write(options.result, {"rate": options.rate, "looks": [asdict(look) for look in looks]})


def _look(platform: SecondPlatform, minute: int) -> Look:
    checkpoint = [file for file in _checkpoint(platform).rglob("*") if file.is_file()]
    return Look(
        minute=minute,
        events=work.facts(platform),
        driver_mb=_megabytes(platform, work.JOB),
        executor_mb=_megabytes(platform, "spark_worker"),
        checkpoint_kb=round(sum(_size(file) for file in checkpoint) / 1e3, 1),
        checkpoint_files=len(checkpoint),
        open_rows=sum(_open_rows(platform, table) for table in families.declare(Windows())),
        database_mb=round(work.database_bytes(platform) / 1e6, 1),
    )


def _checkpoint(platform: SecondPlatform) -> Path:
    return platform.instance_dir / "data" / "spark" / "checkpoint"


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        # Spark removed it since it was listed.
        return 0


def _megabytes(platform: SecondPlatform, program: str) -> float:
    pid = platform.programs()[program].pid
    assert pid is not None, f"{program} runs"
    return round(sum(processes.resident(process) for process in processes.tree(pid)) / 1e6, 1)


def _open_rows(platform: SecondPlatform, table: str) -> int:
    rows = work.query(platform.postgres_dsn, f"SELECT count(*) FROM metrics.{table} WHERE NOT is_final")
    return int(rows[0][0])


if __name__ == "__main__":
    main()
