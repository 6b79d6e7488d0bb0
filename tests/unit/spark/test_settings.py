"""The job's settings: what they accept, and that a wrong one is named."""

from datetime import timedelta

import pytest
from music_spark import settings
from music_spark.aggregation import families

NEEDED = {
    "MUSIC_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "MUSIC_SCHEMA_REGISTRY_URL": "http://127.0.0.1:8081/apis/ccompat/v7",
    "MUSIC_POSTGRES_DSN": "postgresql://music_app:very-secret@127.0.0.1:5432/music",
    "MUSIC_CHECKPOINT_DIR": "/var/lib/music/checkpoint",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for kind in (settings.Settings, settings.Windows):
        for name in kind.model_fields:
            monkeypatch.delenv(kind.model_config["env_prefix"] + name.upper(), raising=False)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def complaint() -> str:
    with pytest.raises(SystemExit) as end:
        settings.load()
    print(end.value)
    return str(end.value)


def test_what_is_needed_is_enough() -> None:
    job, windows = settings.load()
    assert job.kafka_bootstrap_servers == "127.0.0.1:9092"
    assert job.watermark_delay == timedelta(minutes=10)
    assert windows.content == timedelta(minutes=5)
    assert (windows.device, windows.location) == (timedelta(minutes=1),) * 2
    assert (windows.user, windows.hourly) == (timedelta(hours=1),) * 2


@pytest.mark.parametrize("name", list(NEEDED))
def test_a_variable_that_is_missing_is_named(name: str, environment: pytest.MonkeyPatch) -> None:
    environment.delenv(name)
    assert name in complaint()


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("MUSIC_SCHEMA_REGISTRY_URL", "127.0.0.1:8081", "https?"),
        ("MUSIC_KAFKA_BOOTSTRAP_SERVERS", "", ""),
        ("MUSIC_WATERMARK_DELAY", "soon", "10 minutes"),
        ("MUSIC_WATERMARK_DELAY", "-1 minutes", "10 minutes"),
        ("MUSIC_TRIGGER_INTERVAL", "5", "milliseconds"),
        ("MUSIC_MAX_OFFSETS_PER_BATCH", "0", "greater than or equal to 1"),
        ("MUSIC_MAX_OFFSETS_PER_BATCH", "many", "integer"),
        ("MUSIC_WINDOW_CONTENT", "five minutes", "1 hour"),
    ],
)
def test_a_wrong_value_is_refused_with_its_variable_and_what_to_write(
    name: str, value: str, hint: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv(name, value)
    said = complaint()
    assert name in said
    assert hint in said


@pytest.mark.parametrize(
    ("window", "length"),
    [
        *((window, "7 minutes") for window in settings.Windows.model_fields),
        *(("device", length) for length in ("0 seconds", "2 days", "500 milliseconds", "25 hours")),
    ],
)
def test_windows_that_do_not_tile_a_day_are_refused_with_their_variable(
    window: str, length: str, environment: pytest.MonkeyPatch
) -> None:
    name = f"MUSIC_WINDOW_{window.upper()}"
    environment.setenv(name, length)
    said = complaint()
    assert name in said
    assert "divide a day" in said


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("1 second", timedelta(seconds=1)),
        ("90 seconds", timedelta(seconds=90)),
        (" 15  minutes ", timedelta(minutes=15)),
        ("12 hours", timedelta(hours=12)),
        ("1 day", timedelta(days=1)),
    ],
)
def test_windows_that_tile_a_day_are_taken(
    text: str, length: timedelta, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("MUSIC_WINDOW_LOCATION", text)
    assert families.declare(settings.load()[1])["location"].window == length


def test_milliseconds_are_read_exactly(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("MUSIC_TRIGGER_INTERVAL", "250 milliseconds")
    assert settings.load()[0].trigger_interval == timedelta(milliseconds=250)


def test_every_wrong_variable_is_named_at_once(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("MUSIC_POSTGRES_DSN")
    environment.setenv("MUSIC_WATERMARK_DELAY", "soon")
    environment.setenv("MUSIC_WINDOW_USER", "soon")
    said = complaint()
    assert all(name in said for name in ("POSTGRES_DSN", "WATERMARK_DELAY", "MUSIC_WINDOW_USER"))


def test_the_password_is_never_shown(environment: pytest.MonkeyPatch) -> None:
    job, _ = settings.load()
    assert "very-secret" not in repr(job)
    environment.setenv("MUSIC_WATERMARK_DELAY", "soon")
    assert "very-secret" not in complaint()
