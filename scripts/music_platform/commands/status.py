"""`make status`: per component whether it runs, since when, with how much memory; and how the stream does."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from music_platform.console.table import duration, rows
from music_platform.deployment import running, warehouse
from music_platform.deployment.instance import Instance
from music_platform.errors import PlatformError
from music_platform.hosts import hosting
from music_platform.hosts.hosting import Program

AUDIT_LIMIT_S = 120
"""Older than this, an audit of the books has stopped: each of them is looked at within a minute."""


def show(instance: Instance) -> bool:
    """Print the status; return whether all is well."""
    if not running.is_applied(instance):
        click.echo(f"The platform '{instance.name}' is not running: `make up` starts it.")
        return False
    well = _show_programs(instance)
    click.echo()
    dsn = running.outputs(instance).get("postgres_readonly_dsn")
    if dsn is None:
        click.echo("The last start did not come to its end: `make up` continues it.")
        return False
    try:
        with warehouse.connect(dsn) as connection:
            health = warehouse.stream_health(connection)
            conservation = warehouse.conservation(connection)
            imbalances = warehouse.imbalances(connection)
            rebuilds = warehouse.rebuilds(connection)
    except PlatformError as problem:
        click.echo(f"The state of the stream is unknown. {problem}")
        return False
    now = datetime.now(UTC)
    for line in describe_stream(health.as_dicts(), now):
        click.echo(line)
    click.echo()
    for line in rows(conservation.columns, conservation.rows):
        click.echo(line)
    balanced = all(row["balanced"] for row in conservation.as_dicts()) and not imbalances
    for rebuild in rebuilds.as_dicts():
        click.echo(describe_rebuild(rebuild))
    if not balanced:
        click.echo("What was read is not what was stored: this must never happen, please report it.")
        for line in rows(imbalances.columns, imbalances.rows):
            click.echo(line)
    return well and balanced and not any(audit_is_silent(query, now) for query in health.as_dicts())


def _show_programs(instance: Instance) -> bool:
    programs = hosting.of(instance).programs()
    if not programs:
        click.echo("No server of the platform runs, although it was started: `make up` brings it back.")
        return False
    for line in describe_programs(programs, datetime.now(UTC)):
        click.echo(line)
    down = [program.name for program in programs if not program.runs]
    if down:
        click.echo(f"Not running: {', '.join(down)}. `make logs` shows why, `make up` starts them again.")
    return not down


def describe_programs(programs: Sequence[Program], now: datetime) -> list[str]:
    """Return the table of the programs with the sum of their memory."""
    body: list[Sequence[object]] = [
        (
            program.name,
            program.state,
            program.since,
            duration((now - program.since).total_seconds()) if program.since else None,
            f"{program.memory / 2**20:,.0f} MiB" if program.memory else None,
            program.explanation,
        )
        for program in programs
    ]
    total = sum(program.memory for program in programs)
    body.append(("together", "", "", "", f"{total / 2**20:,.0f} MiB", ""))
    return rows(("component", "state", "since (UTC)", "for", "memory", ""), body, indent="")


def describe_stream(health: Sequence[dict[str, Any]], now: datetime) -> list[str]:
    """Return sentences about every streaming query."""
    if not health:
        return ["The stream has not finished a batch yet."]
    lines = []
    for query in health:
        last = query["last_batch_at"]
        age = f"{duration((now - last).total_seconds())} ago" if last else "never"
        rate = query["input_rows_per_second"] or 0.0
        lines.append(
            f"stream {query['query']}: {query['lag_records']:,} records behind, {rate:,.0f} records/s,"
            f" last batch {age} in {query['batch_ms'] / 1000:.1f} s"
        )
        watermark = f"{query['watermark']:%Y-%m-%d %H:%M:%S} UTC" if query["watermark"] else "none yet"
        lines.append(
            f"  watermark {watermark}, late events {query['late_events'] or 0:,},"
            f" dead letters {query['dead_letters'] or 0:,}, from clocks ahead {query['early_events'] or 0:,}"
        )
        lines.append(f"  {_audit(query, now)}")
    return lines


def describe_rebuild(rebuild: dict[str, Any]) -> str:
    """Return the sentence about a metric family that is being rebuilt."""
    reached = f"{rebuild['rebuilding_from']:%Y-%m-%d %H:%M} UTC"
    return f"metrics.{rebuild['family']} is being rebuilt from the facts, done up to {reached}."


def audit_is_silent(query: dict[str, Any], now: datetime) -> bool:
    """Whether some book was not looked at for too long, since the stream began last."""
    moments = [moment for moment in (query["audited_at"], query["started_at"]) if moment]
    return bool(moments) and (now - max(moments)).total_seconds() > AUDIT_LIMIT_S


def _audit(query: dict[str, Any], now: datetime) -> str:
    silence = " (the audit is silent: see the log of spark_job)" if audit_is_silent(query, now) else ""
    if query["audited_at"] is None:
        return f"the books have not been audited yet{silence}"
    age = duration((now - query["audited_at"]).total_seconds())
    found = f"{query['imbalances']:,} imbalances" if query["imbalances"] else "all balanced"
    return f"books audited {age} ago: {found}{silence}"
