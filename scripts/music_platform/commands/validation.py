"""Runs the integrity queries of sql/validation and the checks of sql/queries against a warehouse.

Each is a query for rows that must not exist. All of them run, one after the other and reading only; what was
found stands in a table, and the command fails when anything was.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import psycopg2
import yaml

from music_platform.console import table
from music_platform.deployment.warehouse import CONNECT_TIMEOUT_S, Connection
from music_platform.errors import PlatformError

STATEMENT_TIMEOUT_S = 300
_SAMPLES = 3


@dataclass(frozen=True)
class Check:
    """A query for violations."""

    name: str
    title: str
    means: str
    sql: str


@dataclass(frozen=True)
class Finding:
    """What a check found: violations, the first of them as text, or why it could not be made."""

    check: Check
    violations: int
    samples: Sequence[str]
    seconds: float
    failure: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether the check was made and found nothing."""
        return self.failure is None and not self.violations

    @property
    def verdict(self) -> str:
        """The result in a word."""
        return "not checked" if self.failure else "violated" if self.violations else "good"


def checks(checkout: Path) -> list[Check]:
    """Every check of the checkout: the integrity of the tables, then the answers of the query library."""
    found = []
    for folder in sorted((checkout / "sql" / "validation").iterdir()):
        described = yaml.safe_load((folder / "metadata.yaml").read_text(encoding="utf-8"))
        query = (folder / "query.sql").read_text(encoding="utf-8")
        found.append(Check(folder.name, described["title"], described["means"], query))
    for folder in sorted((checkout / "sql" / "queries").iterdir()):
        described = yaml.safe_load((folder / "metadata.yaml").read_text(encoding="utf-8"))
        query = (folder / "checks.sql").read_text(encoding="utf-8")
        title = f"{described['title']}: answers that contradict themselves"
        found.append(
            Check(f"query {folder.name}", title, f"See sql/queries/{folder.name}/checks.sql.", query)
        )
    return found


def run(dsn: str, chosen: Sequence[Check], timeout_s: int = STATEMENT_TIMEOUT_S) -> Iterator[Finding]:
    """Make the checks one after the other.

    Raises:
        PlatformError: PostgreSQL does not answer.
    """
    try:
        connection = psycopg2.connect(
            dsn,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="music-validate",
            options=f"-c statement_timeout={timeout_s * 1000} -c timezone=UTC -c work_mem=64MB",
        )
    except psycopg2.OperationalError as error:
        raise PlatformError(f"PostgreSQL does not answer: {str(error).strip().splitlines()[0]}") from error
    connection.set_session(readonly=True, autocommit=True)
    try:
        for check in chosen:
            yield find(connection, check)
    finally:
        connection.close()


def find(connection: Connection, check: Check) -> Finding:
    """Make one check; a query that is refused or takes too long is a finding too."""
    began = time.monotonic()
    try:
        with connection.cursor() as cursor:
            cursor.execute(check.sql)
            rows = cursor.fetchmany(_SAMPLES)
            names = [column.name for column in cursor.description or ()]
            count = cursor.rowcount
    except psycopg2.Error as error:
        if connection.closed:
            raise PlatformError(f"PostgreSQL went away: {str(error).strip().splitlines()[0]}") from error
        return Finding(check, 0, (), time.monotonic() - began, str(error).strip().splitlines()[0])
    samples = [", ".join(f"{name} {value}" for name, value in zip(names, row, strict=True)) for row in rows]
    return Finding(check, count, samples, time.monotonic() - began)


def report(findings: Iterator[Finding], total: int) -> bool:
    """Print each result as it comes and then the table of all; whether all is good."""
    made = []
    for finding in findings:
        made.append(finding)
        click.echo(f"  {len(made):2d} of {total}  {finding.check.name}: {finding.verdict}", err=True)
    header = ("check", "result", "violations", "seconds", "what it looks for")
    body = [(f.check.name, f.verdict, f.violations, f.seconds, f.check.title) for f in made]
    click.echo("\n".join(table.rows(header, body)))
    bad = [finding for finding in made if not finding.is_good]
    for finding in bad:
        click.echo(f"\n{finding.check.name}: {' '.join(finding.check.means.split())}")
        for line in finding.samples or [f"It could not be checked: {finding.failure}"]:
            click.echo(f"  {line}")
        if finding.violations > len(finding.samples):
            click.echo(f"  … and {finding.violations - len(finding.samples):,} more")
    click.echo(f"\n{len(made) - len(bad)} of {len(made)} checks are good.")
    return not bad
