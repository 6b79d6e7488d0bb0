"""The command ``music-contract``: carries the contract to a broker and a registry."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from music_contract import topics


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; exit code 0 when done, 1 with a sentence when refused, 2 for a wrong call."""
    options = _parser().parse_args(arguments)
    try:
        # Imported late: the parser and its help work without the extra ``publish``.
        from music_contract.publish.waiting import RefusalError
    except ImportError as error:
        print(
            f"music-contract needs its extra: pip install music-contract[publish] ({error})", file=sys.stderr
        )
        return 1
    try:
        lines = _DEEDS[options.group](options)
    except RefusalError as refusal:
        print(f"music-contract: {refusal}", file=sys.stderr)
        return 1
    print("\n".join(lines))
    return 0


def _apply_topics(options: argparse.Namespace) -> list[str]:
    from music_contract.publish.topics import apply

    return apply(
        topics.overridden(options.overrides), options.bootstrap_servers, options.broker_count, options.wait
    )


def _apply_access(options: argparse.Namespace) -> list[str]:
    from music_contract.publish import access
    from music_contract.publish.topics import connect
    from music_contract.publish.waiting import RefusalError

    variables = {user: f"MUSIC_KAFKA_{user.upper()}_PASSWORD" for user in access.USERS}
    if missing := [variable for variable in variables.values() if not os.environ.get(variable)]:
        raise RefusalError(f"The settings {', '.join(missing)} are missing: put them into the environment.")
    passwords = {user: os.environ[variable] for user, variable in variables.items()}
    return access.apply(connect(options.bootstrap_servers), passwords)


def _publish_schemas(options: argparse.Namespace) -> list[str]:
    from music_contract.publish.schemas import check, contract_subjects, earlier_documents, register

    if options.verb == "check":
        return check(contract_subjects(), options.registry_url, options.wait)
    return register(contract_subjects(), options.registry_url, options.wait, earlier_documents())


_DEEDS = {"topics": _apply_topics, "schemas": _publish_schemas, "access": _apply_access}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="music-contract", description=__doc__)
    groups = parser.add_subparsers(dest="group", required=True, metavar="topics|schemas|access")

    topic_verbs = groups.add_parser("topics", help="the Kafka topics").add_subparsers(
        dest="verb", required=True, metavar="apply"
    )
    apply = topic_verbs.add_parser("apply", help="create, grow and re-set the topics; never shrink one")
    apply.add_argument("--bootstrap-servers", required=True, help="host:port, separated by commas")
    apply.add_argument("--broker-count", type=_positive, default=1, help="brokers to wait for (default: 1)")
    apply.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        type=_override,
        metavar="TOPIC.FIELD=VALUE",
        help=f"another partitions or retention_ms, such as {topics.STREAM_EVENTS}.retention_ms=86400000",
    )
    _add_wait(apply)

    schema_verbs = groups.add_parser("schemas", help="the registry's schemas").add_subparsers(
        dest="verb", required=True, metavar="check|register"
    )
    for verb, deed in (("check", "say whether they may be registered"), ("register", "check, then register")):
        command = schema_verbs.add_parser(verb, help=deed)
        command.add_argument("--registry-url", required=True, help="such as http://host:8081/apis/ccompat/v7")
        _add_wait(command)

    access_verbs = groups.add_parser("access", help="Kafka's users and their rights").add_subparsers(
        dest="verb", required=True, metavar="apply"
    )
    rights = access_verbs.add_parser(
        "apply", help="make the users with the passwords of MUSIC_KAFKA_<USER>_PASSWORD"
    )
    rights.add_argument("--bootstrap-servers", required=True, help="host:port, separated by commas")
    return parser


def _add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wait",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="how long to wait for a server that is starting (default: 120)",
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def _override(text: str) -> topics.Override:
    try:
        return topics.Override.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
