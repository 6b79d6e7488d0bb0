"""Settings as a person writes them behind `make up`."""

import json
import re
import shlex
from pathlib import Path

import pytest
from music_platform.deployment import settings
from music_platform.errors import PlatformError


@pytest.fixture(autouse=True)
def nothing_from_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(settings.ENVIRONMENT_VARIABLE, raising=False)


def test_settings_are_read_as_the_types_they_stand_for() -> None:
    assert settings.given(["RATE=500", "NAME=second", "FORCE=1"]) == {
        "RATE": 500,
        "NAME": "second",
        "FORCE": True,
    }


def test_a_program_given_by_its_path_counts_from_where_the_user_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings.given(["TF=bin/tofu"]) == {"TF": str(tmp_path / "bin" / "tofu")}
    assert settings.given(["TF=tofu"]) == {"TF": "tofu"}


def test_settings_that_make_passes_count_and_words_behind_the_command_win(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(settings.ENVIRONMENT_VARIABLE, r"RATE=1 HOME_DIR=/a\ b PYTEST=-k\ x")
    assert settings.given(["RATE=2"]) == {"RATE": 2, "HOME_DIR": "/a b"}


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("RATE=fast", r"RATE=fast is not possible: RATE expects events per second, or 0 for no producer"),
        ("RATE=-1", r"RATE=-1 is not possible"),
        ("PORT_OFFSET=99999", r"PORT_OFFSET expects a whole number from 0 to 50000"),
        ("NAME=../x", r"NAME expects lower-case letters"),
        ("NAME=second-", r"NAME expects lower-case letters"),
        ("WATERMARK_DELAY=soon", r"WATERMARK_DELAY expects a time such as '90 seconds'"),
        (
            "WINDOW_CONTENT=7 minutes",
            r"WINDOW_CONTENT expects a time that divides a day, such as '90 seconds'",
        ),
        ("WINDOW_USER=2 days", r"WINDOW_USER expects a time that divides a day"),
        ("WINDOW_USER=48 hours", r"WINDOW_USER expects a time that divides a day"),
        ("WINDOW_DEVICE=500 milliseconds", r"WINDOW_DEVICE expects a time that divides a day"),
        ("WINDOW_HOURLY=hourly", r"WINDOW_HOURLY expects a time that divides a day"),
        ("FORCE=yes", r"FORCE expects 1 \(do not ask\) or 0 \(ask\)"),
        ("RAET=5", r"There is no setting called RAET\. Did you mean RATE\?"),
        ("rate=5", r"There is no setting called rate\. Did you mean RATE\?"),
        ("everything", r"'everything' is not a setting: write it as NAME=value"),
    ],
)
def test_a_wrong_setting_is_answered_with_a_sentence(word: str, sentence: str) -> None:
    with pytest.raises(PlatformError, match=sentence):
        settings.given([word])


@pytest.mark.parametrize("length", ["1 second", "90 seconds", "60000 milliseconds", "1 hour", "24 hours"])
def test_a_window_that_divides_a_day_is_taken_as_it_is_written(length: str) -> None:
    assert settings.given([f"WINDOW_CONTENT={length}"]) == {"WINDOW_CONTENT": length}


def test_kept_settings_stay_until_they_are_changed_or_emptied(tmp_path: Path) -> None:
    file = tmp_path / "settings.auto.tfvars.json"
    settings.keep(file, settings.merged({}, settings.given(["RATE=500", "SEED=7"])))
    assert settings.kept(file) == {"producer_rate": 500, "producer_seed": 7}

    settings.keep(file, settings.merged(settings.kept(file), settings.given(["RATE=20"])))
    assert settings.kept(file) == {"producer_rate": 20, "producer_seed": 7}

    settings.keep(file, settings.merged(settings.kept(file), settings.given(["RATE="])))
    assert settings.kept(file) == {"producer_seed": 7}


def test_a_second_instance_writes_down_every_setting_so_that_those_of_the_first_do_not_leak_in(
    tmp_path: Path,
) -> None:
    file = tmp_path / "settings.tfvars.json"
    settings.keep(file, {"producer_rate": 1}, others=settings.declared(tmp_path))
    content = json.loads(file.read_text())
    assert content["producer_rate"] == 1
    assert content["producer_seed"] is None
    assert settings.kept(file) == {"producer_rate": 1}


def test_a_broken_file_of_settings_is_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.auto.tfvars.json"
    file.write_text("{")
    with pytest.raises(PlatformError, match=r"settings\.auto\.tfvars\.json is not JSON"):
        settings.kept(file)


def test_settings_are_shown_as_the_user_writes_them() -> None:
    values = {
        "producer_rate": 5,
        "home": "/data",
        "superset_enabled": False,
        "spark": {"watermark_delay": "1 minute", "worker_cores": 3},
        "kafka": {"topics": {"music.users": {"partitions": 6}}},
    }
    assert shlex.split(settings.in_words(values)) == [
        "HOME_DIR=/data",
        "RATE=5",
        "SUPERSET=0",
        "WATERMARK_DELAY=1 minute",
        'kafka={"topics": {"music.users": {"partitions": 6}}}',
        "spark.worker_cores=3",
    ]


def test_a_setting_inside_an_object_is_kept_beside_what_the_user_wrote_there(tmp_path: Path) -> None:
    file = tmp_path / "settings.auto.tfvars.json"
    file.write_text('{"spark": {"driver_memory": "2g", "windows": {"user": "1 hour"}}}')
    given = settings.given(["WINDOW_CONTENT=1 minute", "WINDOW_USER="])
    settings.keep(file, settings.merged(settings.kept(file), given))
    assert json.loads(file.read_text()) == {
        "spark": {"driver_memory": "2g", "windows": {"content": "1 minute"}}
    }


def test_what_a_person_has_written_into_the_kept_settings_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "settings.auto.tfvars.json"
    written = {
        "kafka": {"heap": "1g", "topics": {"music.users": {"partitions": 6, "retention_ms": None}}},
        "schema_registry": {},
        "run_as": "music",
    }
    file.write_text(json.dumps(written))
    for given in ([], ["RATE=5"], ["RATE="], ["WINDOW_USER=1 hour"], ["WINDOW_USER="]):
        settings.keep(file, settings.merged(settings.kept(file), settings.given(given)))
    assert json.loads(file.read_text()) == written


def test_kept_settings_that_are_no_object_are_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.auto.tfvars.json"
    file.write_text("[]")
    with pytest.raises(PlatformError, match=r"settings\.auto\.tfvars\.json is no JSON object"):
        settings.kept(file)


def test_whatever_the_makefile_reads_may_be_written_behind_make() -> None:
    text = (Path(__file__).parents[3] / "Makefile").read_text()
    used = set(re.findall(r"\$\((?:if \$\()?([A-Z][A-Z_]+)\b", text))
    optional = set(re.findall(r"^([A-Z_]+) \?=", text, re.MULTILINE))
    set_by_itself = set(re.findall(r"^([A-Z_]+) :?=", text, re.MULTILINE)) | {
        "MAKECMDGOALS",
        "MAKEOVERRIDES",
        "MAKEFILE_LIST",
    }
    names = optional | used - set_by_itself
    assert "FAULTS_SEED" in names
    for name in names - settings.OF_MAKE_ITSELF:
        assert settings.given([f"{name}="])
