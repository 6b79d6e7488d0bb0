"""What a person may set on the command line of `make`: `make up RATE=500 PORT_OFFSET=100`.

The table SETTINGS is the one list of them. A setting that has a Terraform variable is kept for the instance,
so that the next `make up` needs no repetition; an empty value (`RATE=`) forgets it: the default counts again.
"""

import copy
import difflib
import json
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from music_platform.errors import PlatformError

Value = str | int | bool
Content = dict[str, Any]
"""The kept settings, by Terraform variable. Names in it may hold dots, as those of topics do."""

# The variable that the Makefile fills with what the user wrote behind `make up`.
ENVIRONMENT_VARIABLE = "MUSIC_PLATFORM_SETTINGS"
# Variables that the Makefile reads itself.
OF_MAKE_ITSELF = frozenset(
    {"BENCH", "COMPONENT", "EVENTS", "FACTS", "FAULTS_SEED", "PYTEST", "PYTHON", "REPLAY", "UPGRADE"}
)


@dataclass(frozen=True)
class Setting:
    """A setting: what the user writes, what it may be, and the Terraform variable that it sets (if any).

    A dot leads into a variable that is an object: spark.watermark_delay.
    """

    name: str
    parse: Callable[[str], Value]
    expects: str
    variable: str | None = None


def whole_number(smallest: int, largest: int) -> Callable[[str], int]:
    """Return a parser of whole numbers within limits, both included."""

    def parse(text: str) -> int:
        number = int(text)
        if not smallest <= number <= largest:
            raise ValueError(text)
        return number

    return parse


def matching(pattern: str) -> Callable[[str], str]:
    """Return a parser of text that fits a pattern."""

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(text)
        return text

    return parse


def absolute_path(text: str) -> str:
    """Read a path; a relative one counts from where the user is."""
    return str(Path(text).expanduser().resolve())


def program(text: str) -> str:
    """Read the name of a program, or its path, which is not resolved: a link may stand for a version."""
    if not re.fullmatch(r"\S+", text):
        raise ValueError(text)
    return str(Path(text).expanduser().absolute()) if "/" in text else text


def existing_path(text: str) -> str:
    """Read the path of something that is there."""
    path = absolute_path(text)
    if not Path(path).exists():
        raise ValueError(text)
    return path


def switch(text: str) -> bool:
    """Read 1 or 0."""
    return {"1": True, "0": False}[text]


_SPAN = matching(r"[1-9]\d{0,5} (milliseconds?|seconds?|minutes?|hours?)")
_A_SPAN = "a time such as '90 seconds' or '5 minutes' (in quotes)"
_MILLISECONDS = {"millisecond": 1, "second": 1000, "minute": 60_000, "hour": 3_600_000}


def window(text: str) -> str:
    """Read a window's length: windows of a second or more begin anew with each day."""
    number, unit = _SPAN(text).split()
    length = int(number) * _MILLISECONDS[unit.removesuffix("s")]
    if length < 1000 or 24 * _MILLISECONDS["hour"] % length:
        raise ValueError(text)
    return text


_A_WINDOW = "a time that divides a day, such as '90 seconds', '5 minutes' or '1 hour' (in quotes)"

SETTINGS: tuple[Setting, ...] = (
    Setting("RATE", whole_number(0, 1_000_000), "events per second, or 0 for no producer", "producer_rate"),
    Setting("USERS", whole_number(1, 10_000_000), "a number of users from 1 to 10000000", "producer_users"),
    Setting("SONGS", whole_number(1, 5_000_000), "a number of songs from 1 to 5000000", "producer_songs"),
    Setting(
        "HISTORY",
        whole_number(0, 604_800),
        "seconds of the past from 0 to 604800 that a new platform is filled with",
        "producer_history",
    ),
    Setting("SEED", whole_number(0, 2**53), "a whole number from 0 on", "producer_seed"),
    Setting("SUPERSET", switch, "1 (with dashboards) or 0 (without)", "superset_enabled"),
    Setting("PORT_OFFSET", whole_number(0, 50_000), "a whole number from 0 to 50000", "port_offset"),
    Setting("HOME_DIR", absolute_path, "a directory for the installed programs and the data", "home"),
    Setting("BROKERS", whole_number(1, 3), "1 or 3 brokers of Kafka", "kafka_broker_count"),
    Setting("WORKERS", whole_number(1, 32), "a number of Spark's workers from 1 to 32", "spark_worker_count"),
    Setting("WORKER_CORES", whole_number(1, 256), "cores of each worker from 1 to 256", "spark_worker_cores"),
    Setting(
        "WORKER_MEMORY",
        matching(r"[1-9]\d*[mg]"),
        "memory from 1g on, such as 1536m or 2g",
        "spark_worker_memory",
    ),
    Setting("CERTIFICATES", whole_number(1, 2**31), "the number of the certificates", "certificates"),
    Setting(
        "BASE_IMAGE", matching(r"\S+"), "the name of an image such as debian:bookworm-slim", "base_image"
    ),
    Setting("WATERMARK_DELAY", _SPAN, _A_SPAN, "spark.watermark_delay"),
    Setting("TRIGGER_INTERVAL", _SPAN, _A_SPAN, "spark.trigger_interval"),
    Setting("WINDOW_CONTENT", window, _A_WINDOW, "spark.windows.content"),
    Setting("WINDOW_DEVICE", window, _A_WINDOW, "spark.windows.device"),
    Setting("WINDOW_LOCATION", window, _A_WINDOW, "spark.windows.location"),
    Setting("WINDOW_USER", window, _A_WINDOW, "spark.windows.user"),
    Setting("WINDOW_HOURLY", window, _A_WINDOW, "spark.windows.hourly"),
    Setting(
        "NAME",
        matching(r"[a-z](?:[a-z0-9-]{0,29}[a-z0-9])?"),
        "lower-case letters, digits and hyphens between them, at most 31",
    ),
    Setting("ENV", matching(r"[a-z][a-z0-9_]*"), "the name of a folder of terraform/, such as local"),
    Setting("TF", program, "terraform, tofu or the path of one of them"),
    Setting("FILE", existing_path, "the path of an export or a backup that exists"),
    Setting("USER_NAME", matching(r"[^\x00-\x1f\x7f]{1,100}"), "a name of at most 100 characters"),
    Setting("COUNTRY", matching(r"[A-Z]{2}"), "a country's code of two letters, such as DE"),
    Setting(
        "TIME_ZONE", matching(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*"), "a time zone such as Europe/Berlin"
    ),
    Setting("SUBSCRIPTION", matching(r"[a-z]+"), "a plan, such as premium"),
    Setting("FORCE", switch, "1 (do not ask) or 0 (ask)"),
)

_BY_NAME = {setting.name: setting for setting in SETTINGS}


def given(arguments: Iterable[str]) -> dict[str, Value | None]:
    """Return the settings that the user wrote, checked; None stands for an emptied one.

    `arguments` are words like RATE=500; they win over those that make passes in the environment.
    """
    from_make = shlex.split(os.environ.get(ENVIRONMENT_VARIABLE, ""))
    for_us = [word for word in from_make if word.partition("=")[0] not in OF_MAKE_ITSELF]
    return dict(_read(word) for word in [*for_us, *arguments])


def _read(word: str) -> tuple[str, Value | None]:
    name, separator, text = word.partition("=")
    if not separator:
        raise PlatformError(f"'{word}' is not a setting: write it as NAME=value, for example RATE=500.")
    setting = _BY_NAME.get(name)
    if setting is None:
        raise PlatformError(_unknown(name))
    if text == "":
        return name, None
    try:
        return name, setting.parse(text)
    except (ValueError, KeyError):
        raise PlatformError(f"{name}={text} is not possible: {name} expects {setting.expects}.") from None


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.upper(), _BY_NAME, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"There is no setting called {name}.{hint} There are: {', '.join(_BY_NAME)}."


def as_words(values: Mapping[str, Value | None]) -> str:
    """Return given settings in the form in which make passes them."""
    texts = {name: "" if value is None else _text(value) for name, value in values.items()}
    return shlex.join(f"{name}={text}" for name, text in texts.items())


def _text(value: Value) -> str:
    return str(int(value) if isinstance(value, bool) else value)


def kept(file: Path) -> Content:
    """Return the settings that an instance keeps, as Terraform reads them; null is none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise PlatformError(f"{file} is not JSON ({error}): correct or delete it.") from error
    if not isinstance(content, dict):
        raise PlatformError(f"{file} is no JSON object of Terraform's variables: correct or delete it.")
    return {variable: value for variable, value in content.items() if value is not None}


def merged(old: Content, new: Mapping[str, Value | None]) -> Content:
    """Return the kept settings after a command: new ones win, emptied ones go.

    Whatever else a person has written there stays as it is.
    """
    result = copy.deepcopy(old)
    for name, value in new.items():
        variable = _BY_NAME[name].variable
        if variable is not None:
            _put(result, variable.split("."), value)
    return result


def _put(content: Content, path: Sequence[str], value: Value | None) -> None:
    """Put a value at a path of objects, or with None take it away, and objects that get empty with it."""
    name, *inner = path
    if not inner:
        content.pop(name, None)
        if value is not None:
            content[name] = value
        return
    place = content.get(name)
    if not isinstance(place, dict):
        place = {}
    _put(place, inner, value)
    if place:
        content[name] = place
    else:
        content.pop(name, None)


def declared(module: Path) -> frozenset[str]:
    """Return the variables of SETTINGS that a root module knows; all of them where nothing declares any."""
    wanted = frozenset(setting.variable.split(".")[0] for setting in SETTINGS if setting.variable)
    files = sorted(module.glob("*variables.tf"))
    if not files:
        return wanted
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return wanted & frozenset(re.findall(r'^variable "(\w+)"', text, re.MULTILINE))


def require_declared(values: Mapping[str, Value | None], module: Path) -> None:
    """Raise a PlatformError for a setting that the environment of this root module does not have."""
    known = declared(module)
    for name in values:
        variable = _BY_NAME[name].variable
        if variable and variable.split(".")[0] not in known:
            raise PlatformError(f"{name} is no setting of ENV={module.name}: leave it out.")


def keep(file: Path, values: Content, *, others: Iterable[str] = ()) -> None:
    """Write the kept settings.

    `others` are variables that are written as null where they have no value, which is Terraform's way to say
    "the default": without it the file that Terraform loads by itself for the default instance would count for
    this one too.
    """
    content = {**dict.fromkeys(others), **values}
    write(file, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())


def write(file: Path, content: bytes) -> None:
    """Write a file of kept settings as a whole: a crash leaves the former one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".new")
    temporary.write_bytes(content)
    temporary.replace(file)


def in_words(values: Content) -> str:
    """Return kept settings as the user would write them; what has no such name stands as Terraform has it."""
    return " ".join(shlex.quote(f"{name}={value}") for name, value in sorted(_words(values)))


def _words(values: Content, prefix: str = "") -> Iterator[tuple[str, str]]:
    names = {setting.variable: setting.name for setting in SETTINGS if setting.variable}
    for key, value in values.items():
        path = f"{prefix}{key}"
        if path in names:
            yield names[path], _text(value)
        elif isinstance(value, dict) and any(variable.startswith(f"{path}.") for variable in names):
            yield from _words(value, f"{path}.")
        else:
            yield path, value if isinstance(value, str) else json.dumps(value)
