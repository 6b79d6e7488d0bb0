"""`make up`: check the machine, build, apply, wait until data flows, and show it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from music_platform.artifacts import building
from music_platform.commands import links
from music_platform.console.progress import Progress
from music_platform.console.table import rows
from music_platform.console.waiting import wait_for
from music_platform.deployment import settings, warehouse
from music_platform.deployment.applying import ApplyProgress
from music_platform.deployment.instance import Instance
from music_platform.deployment.settings import Value
from music_platform.deployment.warehouse import Flow
from music_platform.errors import PlatformError
from music_platform.hosts import hosting, preflight

# A start from cold takes half a minute; on a machine that is busy otherwise, several.
DATA_LIMIT_S = 300


def up(instance: Instance, given: Mapping[str, Value | None], progress: Progress) -> None:
    """Bring the platform to its settings from whatever state it is in, and return when data flows."""
    with instance.lock("make up"):
        progress.step("Checking this machine")
        check_machine(instance, given, progress)
        former = instance.written_settings()
        kept = instance.keep_settings(given)
        if kept:
            progress.detail(f"settings: {settings.in_words(kept)}")
        progress.step("Building the artifacts")
        building.build(instance.checkout, progress)
        host = hosting.of(instance)
        host.before_apply(progress)
        _apply(instance, former, progress)
        host.after_apply(progress)
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
    checks = hosting.of(instance).checks(preflight.ports_of(instance, values))
    preflight.run(instance, checks, progress)


def _apply(instance: Instance, former: bytes | None, progress: Progress) -> None:
    """Apply the kept settings; what Terraform refuses before it has begun gives way to the former ones."""
    progress.step(f"Applying terraform/{instance.environment}")
    terraform = instance.terraform()
    terraform.initialize()
    hear = ApplyProgress(progress)
    try:
        terraform.apply(hear)
    except PlatformError as failure:
        if not hear.has_begun:
            instance.write_settings_back(former)
            raise PlatformError(f"{failure}\nNothing was changed, and the former settings stay.") from failure
        problems = "\n".join(["", *_obituaries(instance)]).rstrip()
        raise PlatformError(
            f"{failure}{problems}\n`make logs` shows more; `make up` tries again."
        ) from failure
    if not hear.changes:
        progress.detail("nothing to change")


@dataclass(frozen=True)
class _DataFlow:
    """What is waited for: a job that runs, whose stream has started, and with a producer also data."""

    instance: Instance
    dsn: str
    has_producer: bool

    def look(self) -> Flow | str:
        """Return what the warehouse says, or why it says nothing yet."""
        # After a crash the warehouse knows of earlier starts, while the job still begins again and again.
        since = _job_since(self.instance)
        if since is None:
            return "the stream job does not run yet"
        try:
            with warehouse.connect(self.dsn) as connection:
                flow = warehouse.flow(connection)
        except PlatformError as problem:
            return str(problem)
        return flow if flow.has_started_since(since) else "the stream has not started yet"

    def is_there(self, seen: Flow | str) -> bool:
        """Whether the wait is over."""
        return not isinstance(seen, str) and (seen.flows or not self.has_producer)

    def describe(self, seen: Flow | str) -> str:
        """Say what was seen."""
        return seen if isinstance(seen, str) else seen.describe()


def _wait_for_data(instance: Instance, dsn: str, progress: Progress, *, has_producer: bool) -> Flow:
    """Wait until the stream reads (and, with a producer, all data flows); return what there is to show."""
    progress.step("Waiting until data flows" if has_producer else "Waiting until the stream reads")
    wait = _DataFlow(instance, dsn, has_producer)
    seen = wait_for(wait.look, wait.is_there, limit_s=DATA_LIMIT_S, progress=progress, describe=wait.describe)
    if isinstance(seen, str) or not wait.is_there(seen):
        problems = "\n".join(_obituaries(instance))
        raise PlatformError(
            f"The platform was started, but after {DATA_LIMIT_S} s not all data flows: "
            f"{wait.describe(seen)}. `make status` and `make logs` show more.\n{problems}".rstrip()
        )
    return seen


def _job_since(instance: Instance) -> datetime | None:
    """Return when the stream job started; None when it does not run."""
    programs = hosting.of(instance).programs()
    return next((program.since for program in programs if program.name == "spark_job"), None)


def _obituaries(instance: Instance) -> Iterator[str]:
    """Tell, for every server that does not run well, the end of its log."""
    host = hosting.of(instance)
    for program in host.programs():
        if not program.runs or program.explanation:
            yield f"{program.name} is {program.state} ({program.explanation}). The end of its log:"
            yield from (f"  {line}" for line in host.last_words(program.name, 10))


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
