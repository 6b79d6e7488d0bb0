"""New certificates for every server, while events flow."""

import hashlib
import socket
import ssl
import struct
from pathlib import Path

import pytest

from tests.docker import engine
from tests.docker.intruders import ANSWER_LIMIT_S
from tests.docker.watching import Pauses
from tests.second_platform import SecondPlatform

pytestmark = pytest.mark.docker


def certificates(platform: SecondPlatform) -> dict[str, str]:
    """A digest of the certificate that each server has."""
    found = {}
    for service in engine.containers(platform.name):
        container = engine.container(platform.name, service)
        text = engine.docker("exec", container, "cat", "/etc/music-platform/tls/certificate.pem")
        found[service] = hashlib.sha256(text.encode()).hexdigest()
    return found


def authority(platform: SecondPlatform) -> Path:
    """The file by which clients of this machine know the platform's authority."""
    return Path(platform.kafka_client["ssl.ca.location"])


def served(platform: SecondPlatform) -> dict[str, str]:
    """A digest of the certificate that each published server shows to a client that verifies it."""
    outputs = platform.outputs
    kafka_host, _, kafka_port = platform.kafka_bootstrap_servers.split(",")[0].partition(":")
    return {
        "kafka": shown(platform, kafka_host, int(kafka_port)),
        "postgres": shown(platform, outputs["postgres_host"], outputs["postgres_port"], postgresql=True),
    }


def shown(platform: SecondPlatform, host: str, port: int, *, postgresql: bool = False) -> str:
    """A digest of the certificate behind a port; a client of PostgreSQL asks for encryption first."""
    context = ssl.create_default_context(cafile=str(authority(platform)))
    with socket.create_connection((host, port), ANSWER_LIMIT_S) as connection:
        if postgresql:
            connection.sendall(struct.pack(">ii", 8, 80877103))
            assert connection.recv(1) == b"S"
        with context.wrap_socket(connection, server_hostname=host) as encrypted:
            certificate = encrypted.getpeercert(binary_form=True)
    assert certificate is not None
    return hashlib.sha256(certificate).hexdigest()


def test_every_server_gets_a_new_certificate_and_the_stream_goes_on(
    platform: SecondPlatform, balanced: None
) -> None:
    before, served_before = certificates(platform), served(platform)
    authority_before = authority(platform).read_text()

    with Pauses(platform) as pauses:
        result = platform.run("rotate-certificates")

    assert result.returncode == 0, result.stdout + result.stderr
    print(f"the longest time without a new fact was {pauses.longest_s:.1f} s")
    after = certificates(platform)
    assert set(after) == set(before)
    assert not set(after.values()) & set(before.values())
    # What a server has in a file it need not show: it reads its certificate when it starts.
    served_after = served(platform)
    assert all(served_after[server] != served_before[server] for server in served_before)
    assert authority(platform).read_text() == authority_before
    assert not platform.instance.terraform().has_changes()
