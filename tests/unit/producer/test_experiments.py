"""Experiments: assigned by a hash, with the effect that is stated and no other."""

import numpy as np
import pytest
from music_producer.listening.experiments import Experiment, assign, variant_number

from tests.unit.producer.simulated import playbacks, population


def test_an_experiment_is_read_from_its_text() -> None:
    assert Experiment.parse("home:skip_rate-10%") == Experiment("home", "skip_rate", -0.1)
    assert Experiment.parse(" mix:like_rate+2.5% ") == Experiment("mix", "like_rate", 0.025)
    assert Experiment.parse("aa:none") == Experiment("aa", None, 0.0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("home", "is no experiment: write name:skip_rate-10% or name:none"),
        ("home:mood-1%", "'mood' cannot be changed; skip_rate, session_length, like_rate can"),
        ("home:skip_rate-100%", "an effect lies above -100%"),
    ],
)
def test_a_wrong_text_is_told_with_what_to_write(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint.replace("%", "%")):
        Experiment.parse(text)


def test_half_of_the_users_are_treated_and_experiments_are_independent() -> None:
    experiments = [Experiment("one", None, 0.0), Experiment("two", None, 0.0)]
    assignment = assign(experiments, 8_000)
    shares = np.bincount(assignment.code, minlength=4) / 8_000
    print(f"shares of the four combinations: {shares}")
    assert shares == pytest.approx([0.25] * 4, abs=0.02)
    assert assignment.code[5] & 1 == variant_number("one", "user-000005")


def test_the_stated_effect_is_injected_and_an_a_a_test_has_none() -> None:
    experiments = (Experiment("home", "skip_rate", -0.3), Experiment("aa", None, 0.0))
    of = population(users=4_000, songs=500, experiments=experiments)
    made = playbacks(of, 6, rate=4)
    effects = []
    for bit in range(2):
        treated = (of.assignment.code[made.user] >> bit & 1).astype(bool)
        effects.append(made.skipped[treated].mean() / made.skipped[~treated].mean() - 1)
    print(f"effect on skips: {effects[0]:+.3f} (stated: -0.3), A/A {effects[1]:+.3f}")
    assert effects[0] == pytest.approx(-0.3, abs=0.05)
    assert effects[1] == pytest.approx(0.0, abs=0.05)
