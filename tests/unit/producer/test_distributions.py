"""What the simulation comes to, beside what was published; the table is that of docs/simulation.md."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from music_producer.listening.playbacks import Playbacks
from music_producer.world.dates import DAY_MS, HOUR_MS, WORLD_START_MS
from music_producer.world.listeners import DEVICE_MODELS, FREE

from tests.unit.producer.simulated import playbacks, population

WEDNESDAY_MS = WORLD_START_MS + 321 * DAY_MS
DOCUMENT = Path(__file__).parents[3] / "docs" / "simulation.md"
SIZE = {"users": 4_000, "songs": 4_000}


@dataclass(frozen=True)
class Day:
    """A simulated day of everybody, and what is known of who plays."""

    plays: Playbacks

    @property
    def age(self) -> np.ndarray:
        return population(**SIZE).world.listeners.age_days[self.plays.user] / 365.25

    @property
    def kind(self) -> np.ndarray:
        listeners = population(**SIZE).world.listeners
        model = listeners.device_model[listeners.first_device[self.plays.user] + self.plays.device]
        return np.array([kind for kind, *_ in DEVICE_MODELS])[model]

    @property
    def local_hour(self) -> np.ndarray:
        local_time = population(**SIZE).local_time
        offset_ms = local_time.offset_ms(self.plays.place, self.plays.started_ms)
        return (self.plays.started_ms + offset_ms) % DAY_MS // HOUR_MS

    def skipped(self, rows: np.ndarray | slice = slice(None)) -> float:
        return 100 * float(self.plays.skipped[rows].mean())

    def skipped_within(self, limit_ms: int) -> float:
        return 100 * float((self.plays.skipped & (self.plays.ms_played < limit_ms)).mean())

    def hour_share(self, *hours: int) -> float:
        """Plays an hour in these local hours, relative to the day's mean."""
        return float(np.isin(self.local_hour, hours).mean()) * 24 / len(hours)


@pytest.fixture(scope="module")
def day() -> Day:
    return Day(playbacks(population(**SIZE), 24, rate=3, start_ms=WEDNESDAY_MS, steps=(600,)))


def session_minutes(day: Day) -> np.ndarray:
    plays = day.plays
    _, inverse = np.unique(np.column_stack((plays.listener, plays.session_ms)), axis=0, return_inverse=True)
    last = np.zeros(inverse.max() + 1, dtype=np.int64)
    first = np.full(inverse.max() + 1, np.iinfo(np.int64).max)
    np.maximum.at(last, inverse, plays.ended_ms)
    np.minimum.at(first, inverse, plays.started_ms)
    return (last - first) / 60_000


def zipf_exponent(day: Day) -> float:
    """The slope of log plays over log rank, among the ranks that are heard often enough to tell."""
    plays = np.sort(np.bincount(day.plays.song))[::-1][4:200]
    return -float(np.polyfit(np.log(np.arange(5, 5 + len(plays))), np.log(plays), 1)[0])


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    name: str
    published: str
    target: float
    tolerance: float
    measure: Callable[[Day], float]


FIGURES = (
    Figure("skipped within 5 s, % of plays", "24.05", 24.05, 1.0, lambda d: d.skipped_within(5_000)),
    Figure("skipped within 10 s, %", "28.97", 28.97, 1.0, lambda d: d.skipped_within(10_000)),
    Figure("skipped within 30 s, %", "35.05", 35.05, 1.0, lambda d: d.skipped_within(30_000)),
    Figure("skipped before the end, %", "48.6", 48.6, 1.0, lambda d: d.skipped()),
    Figure(
        "skips an hour of listening",
        "14.65",
        14.65,
        0.75,
        lambda d: float(d.plays.skipped.sum() / (d.plays.ms_played.sum() / HOUR_MS)),
    ),
    Figure("skipped by teenagers, %", "over 50", 55.0, 3.0, lambda d: d.skipped(d.age < 20)),
    Figure(
        "skipped in the forties, %", "about 35", 36.0, 3.0, lambda d: d.skipped((d.age >= 40) & (d.age < 50))
    ),
    Figure(
        "skipped on phones, %", "more than on desktops", 50.0, 2.5, lambda d: d.skipped(d.kind == "phone")
    ),
    Figure(
        "skipped on desktops, %", "less than on phones", 40.0, 3.0, lambda d: d.skipped(d.kind == "desktop")
    ),
    Figure("shuffled, % of plays", "a setting: 35", 35.0, 2.0, lambda d: 100 * float(d.plays.shuffle.mean())),
    Figure(
        "offline, % of paying users' plays",
        "a setting: 6",
        6.0,
        1.0,
        lambda d: 100 * float(d.plays.offline[d.plays.subscription != FREE].mean()),
    ),
    Figure(
        "plays of paying users, %",
        "a setting: 45",
        45.0,
        4.0,
        lambda d: 100 * float((d.plays.subscription != FREE).mean()),
    ),
    Figure("slope of plays over rank", "0.7 to 1; a setting: 0.9", 0.85, 0.15, zipf_exponent),
    Figure("session, median minutes", "25 (ours)", 25.0, 4.0, lambda d: float(np.median(session_minutes(d)))),
    Figure(
        "longest tenth of the sessions, minutes from",
        "heavy-tailed: over 3 medians",
        88.0,
        15.0,
        lambda d: float(np.percentile(session_minutes(d), 90)),
    ),
    Figure(
        "plays at 20 h local time, day's mean 1", "the peak", 1.7, 0.3, lambda d: d.hour_share(19, 20, 21)
    ),
    Figure("plays at 8 h, day's mean 1", "a commute", 1.2, 0.2, lambda d: d.hour_share(8)),
    Figure("plays at 3 h, day's mean 1", "the low", 0.2, 0.15, lambda d: d.hour_share(3, 4)),
)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_a_figure_is_within_its_tolerance_of_what_was_published(day: Day, figure: Figure) -> None:
    ours = figure.measure(day)
    print(f"{figure.name}: {ours:.2f}, published: {figure.published}, tolerance: {figure.tolerance}")
    assert ours == pytest.approx(figure.target, abs=figure.tolerance)


def test_the_table_of_the_documentation_is_what_is_measured(day: Day) -> None:
    rows = dict(
        re.findall(r"^\| ([^|]+?) \| [^|]+ \| ([\d.]+) \| [^|]+ \|$", DOCUMENT.read_text(), re.MULTILINE)
    )
    table = "\n".join(
        f"| {figure.name} | {figure.published} | {figure.measure(day):.2f} | {figure.tolerance:g} |"
        for figure in FIGURES
    )
    print(f"| figure | published | ours | tolerance |\n|---|---|---|---|\n{table}")
    for figure in FIGURES:
        # Another version of NumPy may draw other worlds from the same seed.
        assert float(rows[figure.name]) == pytest.approx(figure.measure(day), abs=figure.tolerance / 2)


def test_the_order_of_devices_and_ages_is_the_published_one(day: Day) -> None:
    assert day.skipped(day.kind == "phone") > day.skipped(day.kind == "desktop") + 5
    by_age = [day.skipped((day.age >= low) & (day.age < low + 10)) for low in (13, 23, 33, 40)]
    assert by_age == sorted(by_age, reverse=True)


def test_an_evening_is_busier_than_a_morning_commute_and_that_than_the_time_after_it(day: Day) -> None:
    assert day.hour_share(20) > day.hour_share(8) > day.hour_share(10) > 3 * day.hour_share(3)


def test_few_listeners_make_most_of_the_plays(day: Day) -> None:
    plays = np.sort(np.bincount(day.plays.user, minlength=SIZE["users"]))[::-1]
    share = plays[: len(plays) // 10].sum() / plays.sum()
    print(f"the most active tenth of the users make {share:.0%} of the plays")
    assert 0.25 < share < 0.6


def test_listeners_hear_what_fits_their_taste(day: Day) -> None:
    of = population(**SIZE)
    heard = of.taste.fit(day.plays.user, day.plays.song).mean()
    others = of.taste.fit(np.roll(day.plays.user, 1_000), day.plays.song).mean()
    print(f"mean fit of heard songs {heard:.3f}, of the same songs with other users {others:.3f}")
    assert heard > others + 0.07


def test_a_trending_song_is_heard_more_while_it_trends() -> None:
    of = population(**SIZE)
    trends = of.taste.trends
    now_ms = WEDNESDAY_MS + 12 * HOUR_MS
    weights = trends.weights_at(now_ms // HOUR_MS)
    assert (weights > 0).sum() > 5
    strongest = trends.song[np.argmax(weights)]
    during = playbacks(of, 2, start_ms=WEDNESDAY_MS)
    after = playbacks(of, 2, start_ms=WEDNESDAY_MS + 40 * DAY_MS)
    counts = [int((made.song == strongest).sum()) for made in (during, after)]
    print(f"the strongest trend: {counts[0]} plays while it trends, {counts[1]} 40 days later")
    assert counts[0] > 3 * counts[1] + 10
