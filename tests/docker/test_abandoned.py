"""A deployment that is killed in its middle leaves what Terraform does not know: `destroy` removes it."""

import os
import shutil
import subprocess
from contextlib import suppress

import psutil
import pytest
from music_platform.deployment import settings

from tests import second_platform
from tests.docker import engine
from tests.waiting import wait_until

pytestmark = pytest.mark.docker

# The images may have to be made first.
CONTAINER_LIMIT_S = 900


def kill_with_descendants(pid: int) -> None:
    """Kill -9 a command, Terraform and its scripts; the first ones first, so that none can tidy up."""
    parent = psutil.Process(pid)
    for process in (parent, *parent.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def test_a_destroy_removes_what_a_killed_deployment_has_left() -> None:
    home, name = second_platform.new_home()
    words = ("ENV=docker", f"NAME={name}", f"HOME_DIR={home}")
    chosen = ("RATE=0", "SUPERSET=0", f"PORT_OFFSET={second_platform.free_offset('docker')}")
    said = home / "said"
    try:
        with (
            said.open("w") as log,
            subprocess.Popen(
                [second_platform.COMMAND, "up", *words, *chosen],
                cwd=second_platform.CHECKOUT,
                env={**os.environ, settings.ENVIRONMENT_VARIABLE: ""},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            ) as up,
        ):
            # Terraform notes a container when it is healthy, and not before.
            wait_until(
                lambda: engine.containers(name) or up.poll() is not None,
                CONTAINER_LIMIT_S,
                "a first container is made",
            )
            assert up.poll() is None, f"the deployment ended by itself: {said.read_text()}"
            kill_with_descendants(up.pid)
        left = engine.everything_of(name)
        print(f"left behind: {', '.join(left)}")
        assert any(each.startswith("ps ") for each in left)
    finally:
        destroyed = second_platform.music_platform("destroy", *words, "FORCE=1")
        shutil.rmtree(home, ignore_errors=True)
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert engine.everything_of(name) == []
