"""`make up`: check the machine, build, apply, wait until data flows, and show it."""

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import psutil

from music_platform import artifacts, links, logs, preflight, processes, running, settings, warehouse
from music_platform.applying import ApplyProgress
from music_platform.errors import PlatformError
from music_platform.instance import Instance
from music_platform.processes import Supervisor
from music_platform.progress import Progress
from music_platform.settings import Value
from music_platform.table import rows
from music_platform.waiting import wait_for
from music_platform.warehouse import Flow

# A start from cold takes half a minute; on a machine that is busy otherwise, several.
DATA_LIMIT_S = 300
SUPERVISOR_SCRIPT = Path("modules/supervisor/local/supervisor.sh")


def up(instance: Instance, given: Mapping[str, Value | None], progress: Progress) -> None:
    """Bring the platform to its settings from whatever state it is in, and return when data flows."""
    with instance.lock("make up"):
        progress.step("Checking this machine")
        check_machine(instance, given, progress)
        kept = instance.keep_settings(given)
        if kept:
            progress.detail(f"settings: {settings.in_words(kept)}")
        progress.step("Building the artifacts")
        artifacts.build(instance.checkout, progress)
        if instance.is_local:
            _resume(instance, progress)
        _apply(instance, progress)
        if instance.is_local:
            _start_what_stands_still(instance, progress)
        values = instance.terraform().outputs()
        has_producer = kept.get("producer_rate") != 0
        flow = _wait_for_data(
            instance, str(values["postgres_readonly_dsn"]), progress, has_producer=has_producer
        )
    progress.step("The platform runs")
    _report(values, flow if has_producer else None)


def check_machine(instance: Instance, given: Mapping[str, Value | None], progress: Progress) -> None:
    """Run the preflight for the settings that an `up` would use."""
    values = settings.merged(settings.kept(instance.settings_file), given)
    ours = {process.pid for process in _own_processes(instance)} if instance.is_local else set()
    preflight.run(instance, preflight.ports_of(instance, values), ours, progress)


def _own_processes(instance: Instance) -> list[psutil.Process]:
    return [*Supervisor(instance.supervisor_socket).processes(), *processes.belonging_to(instance.directory)]


def _resume(instance: Instance, progress: Progress) -> None:
    """Start the processes again where Terraform believes that they run, but the machine was rebooted."""
    if not running.is_applied(instance) or Supervisor(instance.supervisor_socket).pid():
        return
    progress.step("Starting the processes again: they were stopped, though not by `make down`")
    processes.end(processes.belonging_to(instance.directory))
    command = ["bash", str(instance.checkout / SUPERVISOR_SCRIPT), "start", str(instance.directory)]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode:
        raise PlatformError(f"The supervisor cannot be started: {result.stderr.strip()}")


def _apply(instance: Instance, progress: Progress) -> None:
    progress.step(f"Applying terraform/{instance.environment}")
    terraform = instance.terraform()
    terraform.initialize()
    hear = ApplyProgress(progress)
    try:
        terraform.apply(hear)
    except PlatformError as failure:
        raise PlatformError(f"{failure}\n`make logs` shows more; `make up` tries again.") from failure
    if not hear.changes:
        progress.detail("nothing to change")


def _start_what_stands_still(instance: Instance, progress: Progress) -> None:
    supervisor = Supervisor(instance.supervisor_socket)
    for program in supervisor.programs():
        if program.state in ("stopped", "exited", "fatal"):
            progress.detail(f"starting {program.name} again, it was {program.state}")
            supervisor.start(program.name)


@dataclass(frozen=True)
class _DataFlow:
    """What is waited for: a stream that has started, not before the moment, and with a producer also data."""

    dsn: str
    since: datetime | None
    has_producer: bool

    def look(self) -> Flow | str:
        """Return what the warehouse says, or why it says nothing yet."""
        try:
            with warehouse.connect(self.dsn) as connection:
                flow = warehouse.flow(connection)
        except PlatformError as problem:
            return str(problem)
        return flow if flow.has_started_since(self.since) else "the stream has not started yet"

    def is_there(self, seen: Flow | str) -> bool:
        """Whether the wait is over."""
        return not isinstance(seen, str) and (seen.flows or not self.has_producer)

    def describe(self, seen: Flow | str) -> str:
        """Say what was seen."""
        return seen if isinstance(seen, str) else seen.describe()


def _wait_for_data(instance: Instance, dsn: str, progress: Progress, *, has_producer: bool) -> Flow:
    """Wait until the stream reads (and, with a producer, all data flows); return what there is to show."""
    progress.step("Waiting until data flows" if has_producer else "Waiting until the stream reads")
    wait = _DataFlow(dsn, _job_since(instance), has_producer)
    seen = wait_for(wait.look, wait.is_there, limit_s=DATA_LIMIT_S, progress=progress, describe=wait.describe)
    if isinstance(seen, str) or not wait.is_there(seen):
        problems = "\n".join(_obituaries(instance))
        raise PlatformError(
            f"The platform was started, but after {DATA_LIMIT_S} s not all data flows: "
            f"{wait.describe(seen)}. `make status` and `make logs` show more.\n{problems}".rstrip()
        )
    return seen


def _job_since(instance: Instance) -> datetime | None:
    """Return when the process of the stream job started; None when it is no process of this machine."""
    programs = Supervisor(instance.supervisor_socket).programs() if instance.is_local else []
    return next((program.since for program in programs if program.name == "spark_job"), None)


def _obituaries(instance: Instance) -> Iterator[str]:
    """Tell, for every local component that does not run, the end of its log."""
    for program in Supervisor(instance.supervisor_socket).programs() if instance.is_local else ():
        if not program.runs:
            yield f"{program.name} does not run ({program.explanation}). The end of its log:"
            for file in logs.files(instance, program.name):
                yield from (f"  {line}" for line in logs.last_lines(file, 10))


def _report(values: Mapping[str, Any], flow: Flow | None) -> None:
    click.echo()
    for line in links.lines(values):
        click.echo(line)
    click.echo()
    if flow is None:
        click.echo("The producer is off (RATE=0): `make up RATE=200` starts it.")
        return
    click.echo(
        f"{flow.events_per_second:,.0f} events/s are stored. The newest facts (analytics.stream_events):"
    )
    for line in rows(flow.newest_facts.columns, flow.newest_facts.rows):
        click.echo(line)
    click.echo()
    click.echo("The newest and busiest window of each metric (analytics.*):")
    for line in rows(flow.newest_windows.columns, flow.newest_windows.rows):
        click.echo(line)
