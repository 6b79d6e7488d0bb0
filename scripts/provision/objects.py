"""Views and functions that are defined by one file each: made after the migrations, replaced with their file.

A file makes the object it is named for: rollups/<name>.sql makes rollup.<name>, queries/<name>/query.sql
makes analytics.<name>. A file that mentions another's object comes after it. When anything has changed, all
are dropped and made again in one transaction: readers see the former ones or the new ones, and an error
leaves the former.
"""

import hashlib
import re
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import psycopg2
from psycopg2.extensions import cursor as Cursor

_COMMENT = re.compile(r"--[^\n]*")
_MENTION = re.compile(r"\b(?:rollup|analytics)\.[a-z_0-9]+")

# Keeps two deployments at once apart ("objects" in ASCII, its first bytes).
_LOCK = 0x6F626A65637473


def deploy(address: str, directory: Path) -> list[str]:
    """Bring the objects of a database to those of the files; the names of the new and changed ones.

    Raises:
        SystemExit: a file cannot be run; the message names it.
    """
    definitions = read(directory)
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in definitions.items()}
    with psycopg2.connect(address) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute("SELECT name, sha256, kind FROM public.deployed_objects ORDER BY position DESC")
        former = cursor.fetchall()
        deployed = {name: digest for name, digest, _ in former}
        if deployed == digests:
            return []
        for name, _, kind in former:
            _drop(cursor, name, kind)
        cursor.execute("DELETE FROM public.deployed_objects")
        for position, name in enumerate(in_order(definitions)):
            try:
                cursor.execute(definitions[name])
            except psycopg2.Error as error:
                raise SystemExit(f"postgres: {name} cannot be made: {str(error).strip()}") from None
            cursor.execute(
                "INSERT INTO public.deployed_objects (name, kind, position, sha256) VALUES (%s, %s, %s, %s)",
                [name, kind_of(name, definitions[name]), position, digests[name]],
            )
    return sorted(name for name in digests if deployed.get(name) != digests[name])


def read(directory: Path) -> dict[str, str]:
    """The definitions: object name -> SQL."""
    found = {f"rollup.{file.stem}": file for file in directory.glob("rollups/*.sql")}
    found |= {f"analytics.{file.parent.name}": file for file in directory.glob("queries/*/query.sql")}
    return {name: file.read_text(encoding="utf-8") for name, file in sorted(found.items())}


def in_order(definitions: Mapping[str, str]) -> list[str]:
    """The names, each after those that its definition mentions.

    Raises:
        SystemExit: definitions that need each other.
    """
    needs = {
        name: definitions.keys() & set(_MENTION.findall(_COMMENT.sub("", text))) - {name}
        for name, text in definitions.items()
    }
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise SystemExit(f"postgres: these need each other: {' -> '.join(error.args[1])}") from None


def kind_of(name: str, definition: str) -> str:
    """VIEW or FUNCTION: what the definition makes.

    Raises:
        SystemExit: it makes nothing of that name.
    """
    made = re.search(rf"^CREATE (VIEW|FUNCTION) {re.escape(name)}\b", definition, re.MULTILINE)
    if not made:
        raise SystemExit(f"postgres: the file of {name} has to make it by CREATE VIEW or CREATE FUNCTION.")
    return made[1]


def _drop(cursor: Cursor, name: str, kind: str) -> None:
    """Drop an object; what other people built on it is not dropped with it."""
    try:
        # Without arguments: one function of that name.
        cursor.execute(f"DROP {kind} IF EXISTS {name}")
    except psycopg2.errors.DependentObjectsStillExist as error:
        raise SystemExit(
            f"postgres: {name} is to be replaced, but something else was built on it: "
            f"{(error.diag.message_detail or '').strip()} Drop that first."
        ) from None
