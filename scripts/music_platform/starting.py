"""`make up`: check the machine, build, apply, wait until data flows, and show it."""

from collections.abc import Mapping
from typing import Any

import click
import psutil

from music_platform import artifacts, links, logs, preflight, processes, settings, warehouse
from music_platform.applying import ApplyProgress
from music_platform.errors import PlatformError
from music_platform.instance import Instance
from music_platform.processes import Supervisor
from music_platform.progress import Progress
from music_platform.settings import Value
from music_platform.table import rows
from music_platform.waiting import wait_for
from music_platform.warehouse import Flow

DATA_LIMIT_S = 180
RESTART_LIMIT_S = 120


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
            _resume_supervisor(instance, progress)
        _apply(instance, progress)
        if instance.is_local:
            _start_what_stands_still(instance, progress)
        values = instance.terraform().outputs()
        flow = _wait_for_data(instance, progress, values) if kept.get("producer_rate") != 0 else None
    progress.step("The platform runs")
    _report(values, flow)


def check_machine(instance: Instance, given: Mapping[str, Value | None], progress: Progress) -> None:
    """Run the preflight for the settings that an `up` would use."""
    values = settings.merged(settings.kept(instance.settings_file), given)
    ours = {process.pid for process in _own_processes(instance)} if instance.is_local else set()
    preflight.run(instance, preflight.ports_of(instance, values), ours, progress)


def _own_processes(instance: Instance) -> list[psutil.Process]:
    return [*Supervisor(instance.supervisor_socket).processes(), *processes.belonging_to(instance.directory)]


def _resume_supervisor(instance: Instance, progress: Progress) -> None:
    """Start the supervisor again where Terraform believes that it runs, but the machine was rebooted."""


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


def _wait_for_data(instance: Instance, progress: Progress, values: Mapping[str, Any]) -> Flow:
    progress.step("Waiting until data flows")
    flow = wait_for(
        lambda: _look(instance, str(values["postgres_readonly_dsn"])),
        lambda seen: seen.flows,
        limit_s=DATA_LIMIT_S,
        progress=progress,
        describe=Flow.describe,
    )
    if not flow.flows:
        raise PlatformError(
            f"The platform runs, but after {DATA_LIMIT_S} s not all data flows: {flow.describe()}. "
            "`make status` and `make logs` show more."
        )
    return flow


def _look(instance: Instance, dsn: str) -> Flow:
    """Look at the warehouse; raise a PlatformError with the end of its log when a component has given up."""
    if instance.is_local:
        for program in Supervisor(instance.supervisor_socket).programs():
            if program.state == "fatal":
                raise PlatformError(_obituary(instance, program.name))
    with warehouse.connect(dsn) as connection:
        return warehouse.flow(connection)


def _obituary(instance: Instance, name: str) -> str:
    component = name.partition(":")[2] or name
    lines = [line for file in logs.files(instance, component) for line in logs.last_lines(file, 15)]
    return "\n".join(
        [f"{name} cannot be kept running. The end of its log:", *(f"  {line}" for line in lines)]
    )


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
