"""The simulation: reproducible, consistent in itself, and alive."""

import numpy as np
import pytest
from music_producer.listening.playbacks import Playbacks
from music_producer.listening.population import SESSION_GAP_MS
from music_producer.listening.simulation import REASONS, Simulation, State
from music_producer.world.dates import DAY_MS, HOUR_MS
from music_producer.world.listeners import FREE, NEVER_MS

from tests.unit.producer.simulated import START_MS, playbacks, population

R = {name: number for number, name in enumerate(REASONS)}


@pytest.fixture(scope="module")
def day() -> Playbacks:
    return playbacks(population(), 12, rate=2)


@pytest.fixture(scope="module")
def by_listener(day: Playbacks) -> Playbacks:
    return day.take(np.lexsort((day.ended_ms, day.listener)))


def same_listener(ordered: Playbacks) -> np.ndarray:
    return ordered.listener[1:] == ordered.listener[:-1]


def same(one: Playbacks, other: Playbacks) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in vars(one))


def test_the_same_seed_makes_the_same_playbacks_whatever_the_steps() -> None:
    once = playbacks(population(), 1, steps=(600,))
    assert len(once) > 10_000
    assert same(once, playbacks(population(), 1, steps=(1, 37, 900, 60)))


def test_another_seed_or_another_start_makes_other_playbacks() -> None:
    once = playbacks(population(), 0.2)
    assert not np.isin(playbacks(population(seed=4, users=100), 0.2, rate=0.2).chance, once.chance).any()
    later = playbacks(population(), 0.2, start_ms=START_MS + DAY_MS)
    assert not np.isin(later.chance, once.chance).any()


def test_no_two_playbacks_share_their_chance(day: Playbacks) -> None:
    assert len(np.unique(day.chance)) == len(day)


def test_the_playbacks_of_a_listener_never_overlap(by_listener: Playbacks) -> None:
    gaps = by_listener.started_ms[1:] - by_listener.ended_ms[:-1]
    assert same_listener(by_listener).sum() > 30_000
    assert gaps[same_listener(by_listener)].min() >= 0


def test_a_session_ends_after_half_an_hour_of_silence_and_not_before(by_listener: Playbacks) -> None:
    gaps = by_listener.started_ms[1:] - by_listener.ended_ms[:-1]
    new = by_listener.session_ms[1:] != by_listener.session_ms[:-1]
    assert gaps[same_listener(by_listener) & new].min() > SESSION_GAP_MS
    assert gaps[same_listener(by_listener) & ~new].max() < SESSION_GAP_MS


def test_the_time_played_the_skip_and_the_reasons_agree(day: Playbacks) -> None:
    duration = population().world.catalogue.song_duration_ms[day.song]
    done = day.reason_end == R["trackdone"]
    assert np.array_equal(done, day.ms_played == duration)
    assert np.array_equal(day.skipped, np.isin(day.reason_end, [R["fwdbtn"], R["backbtn"], R["clickrow"]]))
    assert (day.ms_played > 0).all()
    assert (day.ended_ms - day.started_ms >= day.ms_played).all()
    assert not (day.liked & day.skipped).any()
    assert not (day.offline & (day.subscription == FREE)).any()


def test_a_playback_begins_as_the_one_before_it_ended(by_listener: Playbacks) -> None:
    within = same_listener(by_listener) & (by_listener.session_ms[1:] == by_listener.session_ms[:-1])
    ended, began = by_listener.reason_end[:-1][within], by_listener.reason_start[1:][within]
    skipped = ended == R["fwdbtn"]
    assert np.isin(began[skipped], [R["fwdbtn"], R["remote"]]).all()
    assert np.isin(began[ended == R["trackdone"]], [R["trackdone"], R["clickrow"], R["remote"]]).all()
    stopped = np.isin(by_listener.reason_end[:-1], [R["endplay"], R["logout"]]) & same_listener(by_listener)
    assert stopped.sum() > 100
    assert not within[stopped].any()


def test_an_album_is_heard_in_its_order_unless_shuffled(by_listener: Playbacks) -> None:
    catalogue = population().world.catalogue
    album = catalogue.song_album[by_listener.song]
    follows = same_listener(by_listener) & (by_listener.reason_start[1:] == R["trackdone"])
    on = follows & (album[1:] == album[:-1]) & ~by_listener.shuffle[1:]
    step = np.diff(by_listener.song)[on]
    print(f"{(step == 1).mean():.0%} of {on.sum()} songs after one of the same album are its next track")
    assert (step == 1).mean() > 0.8


def test_a_device_belongs_to_the_user_and_changes_now_and_then(by_listener: Playbacks) -> None:
    owned = np.diff(population().world.listeners.first_device)[by_listener.user]
    assert (by_listener.device < owned).all()
    within = same_listener(by_listener) & (by_listener.session_ms[1:] == by_listener.session_ms[:-1])
    changes = (np.diff(by_listener.device) != 0)[within].mean()
    print(f"the device changes after {changes:.2%} of the playbacks of a session")
    assert 0.003 < changes < 0.012


def test_nobody_listens_before_signing_up_or_after_leaving() -> None:
    of = population(users=3_000, songs=100)
    listeners = of.world.listeners
    joins_ms = listeners.signed_up_ms[listeners.signed_up_ms > START_MS].min()
    made = playbacks(of, 30, rate=1, steps=(7_200,), start_ms=joins_ms - HOUR_MS)
    assert (made.started_ms > listeners.signed_up_ms[made.user]).all()
    assert (made.started_ms < listeners.cancel_ms[made.user]).all()
    new = (listeners.signed_up_ms > START_MS - 60 * DAY_MS) & (listeners.signed_up_ms < START_MS)
    assert np.isin(np.flatnonzero(new), made.user).any()


def test_a_song_is_heard_only_once_it_is_out(day: Playbacks) -> None:
    catalogue = population().world.catalogue
    released_ms = catalogue.song_release_ms[day.song]
    assert (released_ms <= day.started_ms).all()
    recent = (day.started_ms - released_ms < 30 * DAY_MS).mean()
    print(f"{recent:.1%} of the plays are of songs of the last 30 days")
    assert recent > 0.01


def test_plan_and_place_are_those_of_the_moment(day: Playbacks) -> None:
    listeners = population().world.listeners
    assert np.array_equal(day.subscription, listeners.subscriptions_at(day.user, day.started_ms))
    assert np.array_equal(day.place, listeners.locations_at(day.user, day.started_ms))
    changed = (listeners.plan_ms != NEVER_MS) & (listeners.plan_ms < START_MS)
    assert changed.sum() > 100


def test_listeners_are_in_every_state() -> None:
    simulation = Simulation(population(), START_MS, 4.0)
    seen = np.zeros(len(State))
    for minute in range(1, 31):
        simulation.advance(START_MS + minute * 60_000)
        seen += np.bincount(simulation.states(START_MS + minute * 60_000), minlength=len(State))
    print(dict(zip([state.name for state in State], (seen / seen.sum()).round(4).tolist(), strict=True)))
    assert (seen > 0).all()
    assert seen[State.LISTENING] > 20 * seen[State.PAUSED]


def test_more_events_than_users_can_make_come_from_several_listeners_a_user() -> None:
    simulation = Simulation(population(users=50, songs=50), START_MS, 20.0)
    assert simulation.listeners_a_user > 10
    made = simulation.advance(START_MS + HOUR_MS)
    assert made is not None
    assert made.user.max() < 60
    assert 0.6 < len(made) / 3_600 / 20 < 1.6


def test_a_later_simulation_lets_the_playbacks_of_the_earlier_one_end() -> None:
    first = Simulation(population(), START_MS, 4.0)
    before = first.advance(START_MS + HOUR_MS)
    second = Simulation(population(), START_MS + HOUR_MS, 4.0, first.busy_until_ms)
    after = second.advance(START_MS + 2 * HOUR_MS)
    assert before is not None and after is not None
    last = np.zeros(before.listener.max() + after.listener.max() + 2, dtype=np.int64)
    np.maximum.at(last, before.listener, before.ended_ms)
    assert (after.started_ms >= last[after.listener]).all()
    assert after.ended_ms.min() > START_MS + HOUR_MS
