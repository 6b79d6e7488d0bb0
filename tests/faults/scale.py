"""How long the tests of faults are: short in `make test`, long in `make test-faults`; and their chance."""

import os
import random

LONG = os.environ.get("MUSIC_FAULTS_LONG") == "1"
SEED = int(os.environ.get("MUSIC_FAULTS_SEED") or random.SystemRandom().randrange(10**6))

KILLS = 24 if LONG else 6
BACKLOG = 2_000_000 if LONG else 60_000
PAUSE_S = 120 if LONG else 15
RUBBISH = 200_000 if LONG else 20_000
LARGEST_VALUES = 1_000 if LONG else 150
NEW_KEYS = 100_000 if LONG else 10_000
RECOVERY_LIMIT_S = 300.0
CATCH_UP_LIMIT_S = 1_200.0 if LONG else 420.0


def announce(what: str) -> random.Random:
    """Print the seed and how to repeat it; the chance of a test."""
    target = "test-faults" if LONG else "test-faults-short"
    print(f"{what}: seed {SEED}; the same again: make {target} FAULTS_SEED={SEED}")
    return random.Random(f"{SEED} {what}")
