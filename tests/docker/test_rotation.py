"""New certificates for every server, while events flow."""

import hashlib

import pytest

from tests.docker import engine
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


def test_every_server_gets_a_new_certificate_and_the_stream_goes_on(
    platform: SecondPlatform, balanced: None
) -> None:
    before = certificates(platform)

    with Pauses(platform) as pauses:
        result = platform.run("rotate-certificates")

    assert result.returncode == 0, result.stdout + result.stderr
    print(f"the longest time without a new fact was {pauses.longest_s:.1f} s")
    after = certificates(platform)
    assert set(after) == set(before)
    assert not set(after.values()) & set(before.values())
    assert not platform.instance.terraform().has_changes()
