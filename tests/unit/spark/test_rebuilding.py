"""A declaration's fingerprint changes with whatever its rows follow from."""

from dataclasses import replace
from datetime import timedelta

from music_spark.aggregation.families import Family, Key
from music_spark.followers import rebuilding

from tests.stream import FAMILIES


def test_every_part_of_a_declaration_counts_and_nothing_else() -> None:
    family = FAMILIES["location"]
    same = Family(family.table, family.window, family.keys, dict(family.distinct))
    assert rebuilding.fingerprint(same) == rebuilding.fingerprint(family)
    changed = [
        replace(family, window=timedelta(minutes=2)),
        replace(family, keys=(Key("location_id", "location_id", {"kind": "city"}),)),
        replace(family, distinct={"listeners": "user_id"}),
        replace(family, revision=2),
    ]
    prints = {rebuilding.fingerprint(one) for one in (family, *changed)}
    assert len(prints) == 1 + len(changed)
