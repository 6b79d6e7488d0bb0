"""Settings: the environment, the command line over it, and sentences for what is wrong."""

import argparse
import json
from pathlib import Path

import pytest
from music_producer import report
from music_producer.cli import main
from music_producer.importing.settings import ImportSettings
from music_producer.listening.population import listeners_needed
from music_producer.settings import Settings, SettingsError, add_options, read_settings

NEEDED = {"bootstrap_servers": "127.0.0.1:1", "registry_url": "http://127.0.0.1:1"}


def test_the_command_line_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSIC_PRODUCER_RATE", "5")
    monkeypatch.setenv("MUSIC_PRODUCER_USERS", "6")
    monkeypatch.setenv("MUSIC_KAFKA_BOOTSTRAP_SERVERS", "broker:9")
    settings = read_settings({"rate": "7", "registry_url": "http://registry"}, Settings)
    assert (settings.rate, settings.users, settings.bootstrap_servers) == (7, 6, "broker:9")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("rate", "0", "MUSIC_PRODUCER_RATE (or --rate) is '0': Input should be greater than 0"),
        ("rate", "inf", "MUSIC_PRODUCER_RATE (or --rate) is 'inf': Input should be a finite number"),
        ("late", "2", "MUSIC_PRODUCER_LATE (or --late) is '2': Input should be less than or equal to 1"),
        ("start", "2020-01-01", "MUSIC_PRODUCER_START (or --start) is"),
        ("experiments", "home:mood-1%", "'mood' cannot be changed; skip_rate, session_length, like_rate can"),
        ("late_to", "1", "late_to must not be less than late_from"),
        ("rate", "fast", "MUSIC_PRODUCER_RATE (or --rate) is 'fast': Input should be a valid number"),
        ("users", "1.5", "MUSIC_PRODUCER_USERS (or --users) is '1.5': Input should be a valid integer"),
        ("registry_url", "x", "MUSIC_SCHEMA_REGISTRY_URL (or --registry-url) is 'x': String should match"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_expects(name: str, value: str, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({**NEEDED, name: value}, Settings)
    print(caught.value)
    assert expected in str(caught.value)


def test_a_wrong_variable_ends_the_command_with_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MUSIC_PRODUCER_SEED", "-1")
    assert main(["run", "--registry-url", "http://registry"]) == 2
    told = capsys.readouterr().err
    assert "MUSIC_PRODUCER_SEED (or --seed) is '-1'" in told
    assert "MUSIC_KAFKA_BOOTSTRAP_SERVERS (or --bootstrap-servers) is missing" in told


def test_help_names_every_variable(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "--help"])
    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name in Settings.model_fields:
        if name not in NEEDED:
            assert f"MUSIC_PRODUCER_{name.upper()}" in shown


def test_a_report_replaces_the_one_before_it(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "report.json"
    report.write(path, {"acknowledged_events": 1})
    report.write(path, {"acknowledged_events": 2})
    assert json.loads(path.read_text()) == {"acknowledged_events": 2}
    assert list(path.parent.iterdir()) == [path]


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSIC_PRODUCER_RATE", "")
    monkeypatch.setenv("MUSIC_PRODUCER_REPORT", "")
    settings = read_settings(NEEDED, Settings)
    assert (settings.rate, settings.report) == (200.0, None)


@pytest.mark.parametrize(
    ("given", "users"),
    [
        ({}, 80_000),
        ({"rate": "1000"}, 400_000),
        ({"rate": "1"}, 10_000),
        ({"rate": "50000"}, 1_000_000),
        ({"rate": "1", "history": "60", "history_rate": "100"}, 40_000),
        ({"rate": "1000", "users": "7"}, 7),
    ],
)
def test_unless_named_there_are_as_many_users_as_make_the_rate(given: dict[str, str], users: int) -> None:
    assert read_settings({**NEEDED, **given}, Settings).users == users


def test_the_users_of_the_default_rate_need_not_stand_for_several_listeners() -> None:
    settings = read_settings(NEEDED, Settings)
    assert listeners_needed(settings.users, settings.rate) == 1


def test_a_switch_is_on_when_it_is_written_and_off_with_no_before_it() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, ImportSettings)
    assert vars(parser.parse_args([])) == {}
    assert vars(parser.parse_args(["--strict", "--no-leave-out-private-sessions"])) == {
        "strict": True,
        "leave_out_private_sessions": False,
    }
