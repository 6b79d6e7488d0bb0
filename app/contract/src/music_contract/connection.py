"""How a client of Kafka proves who it is: settings of librdkafka and of Java, from the environment.

    MUSIC_KAFKA_USERNAME, MUSIC_KAFKA_PASSWORD   a user (SASL/SCRAM), over TLS
    MUSIC_TLS_DIR                                ca.pem; without a user also certificate.pem and key.pem, by
                                                 which the client shows who it is
    MUSIC_KAFKA_CA_FILE                          the authority's certificate alone, instead of MUSIC_TLS_DIR

Where none of them is set, connections are plain: brokers of this machine alone.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MECHANISM = "SCRAM-SHA-512"


def secured(settings: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return a librdkafka client's settings with those of the connection."""
    username, authority, directory = _given(environment)
    if authority is None:
        return dict(settings)
    secure: dict[str, Any] = {"ssl.ca.location": str(authority)}
    if username:
        secure |= {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": MECHANISM,
            "sasl.username": username,
            "sasl.password": environment["MUSIC_KAFKA_PASSWORD"],
        }
    elif directory is not None:
        secure |= {
            "security.protocol": "SSL",
            "ssl.certificate.location": str(directory / "certificate.pem"),
            "ssl.key.location": str(directory / "key.pem"),
        }
    else:
        secure["security.protocol"] = "SSL"
    return {**settings, **secure}


def for_java(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the same for a Java client: a user over TLS, or nothing."""
    username, authority, _ = _given(environment)
    if authority is None or not username:
        return {}
    login = "org.apache.kafka.common.security.scram.ScramLoginModule"
    password = environment["MUSIC_KAFKA_PASSWORD"]
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": MECHANISM,
        "sasl.jaas.config": f'{login} required username="{username}" password="{password}";',
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority),
    }


def _given(environment: Mapping[str, str]) -> tuple[str | None, Path | None, Path | None]:
    """The user, the authority's certificate, and the directory of the own one."""
    directory = Path(environment["MUSIC_TLS_DIR"]) if environment.get("MUSIC_TLS_DIR") else None
    authority = environment.get("MUSIC_KAFKA_CA_FILE")
    found = Path(authority) if authority else directory / "ca.pem" if directory else None
    return environment.get("MUSIC_KAFKA_USERNAME"), found, directory
