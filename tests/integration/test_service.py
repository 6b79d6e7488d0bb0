"""A supervised service on this machine: deployed, replaced and stopped by modules/service/local."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.provisioned import free_ports

MODULES = Path(__file__).parents[2] / "modules"
SUPERVISOR = MODULES / "supervisor" / "local" / "supervisor.sh"
SERVICE = MODULES / "service" / "local" / "service.sh"

# A server like the stream job: what listens is a child, which outlives the process that is supervised.
PROVISIONING = f"""#!/usr/bin/env bash
case $1 in
  run) exec {sys.executable} "$SERVER_PROGRAM" "$SERVER_PORT" ;;
  health) (exec 3<>"/dev/tcp/127.0.0.1/$SERVER_PORT") ;;
esac
"""
SERVER = """
import os, signal, socket, sys, time

parent, child = os.getpid(), os.fork()
if child:
    signal.pause()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while os.getppid() == parent:
    time.sleep(0.01)
time.sleep(2)
"""


class Service:
    """One service under a supervisor of its own."""

    def __init__(self, instance: Path, port: int) -> None:
        self.port = port
        script, server = instance / "service.sh", instance / "server.py"
        script.write_text(PROVISIONING)
        script.chmod(0o755)
        server.write_text(SERVER)
        self._settings = {
            "SERVICE_NAME": "server",
            "SERVICE_INSTANCE": str(instance),
            "SERVICE_SCRIPT": str(script),
            "SERVICE_ROLE": "",
            "SERVICE_ENVIRONMENT": f"SERVER_PORT='{port}'\nSERVER_PROGRAM='{server}'",
            "SERVICE_SECRETS": "",
            "SERVICE_PORTS": str(port),
            "SERVICE_HOST": "127.0.0.1",
            "SERVICE_HEALTHY_WITHIN": "30",
            "SERVICE_STOP_WITHIN": "10",
            "SERVICE_STOP_SIGNAL": "TERM",
        }

    def deploy(self, version: str) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, **self._settings, "SERVICE_VERSION": version}
        return subprocess.run(
            ["bash", str(SERVICE), "deploy"], env=environment, capture_output=True, text=True, timeout=60
        )


@pytest.fixture
def service() -> Iterator[Service]:
    (port,) = free_ports(1)
    # The path of a socket may not be long.
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["bash", str(SUPERVISOR), "start", directory], check=True, timeout=60)
        try:
            yield Service(Path(directory), int(port))
        finally:
            subprocess.run(["bash", str(SUPERVISOR), "stop", directory], check=True, timeout=60)


def test_a_new_version_waits_for_the_port_that_a_child_of_the_old_one_still_holds(service: Service) -> None:
    first, second = service.deploy("1"), service.deploy("2")

    assert first.returncode == 0, first.stdout + first.stderr
    assert second.returncode == 0, second.stdout + second.stderr
    assert second.stdout.splitlines()[:2] == ["server: stopping", "server: starting"]


def test_a_port_of_another_program_is_named_and_nothing_is_started(service: Service) -> None:
    with closing(socket.create_server(("127.0.0.1", service.port))):
        refused = service.deploy("1")

    assert refused.returncode != 0
    assert f"port {service.port} of 127.0.0.1 is taken by another program" in refused.stderr
    assert "starting" not in refused.stdout
