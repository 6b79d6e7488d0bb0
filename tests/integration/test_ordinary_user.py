"""No server needs root: an ordinary user installs, configures and runs it, whoever runs these tests."""

import getpass
import grp
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests import broker, database, provisioned

pytestmark = pytest.mark.integration

ORDINARY = "nobody"


def become_ordinary(home: Path) -> list[str]:
    """Give the home to an ordinary user; the words that run a command as that one, none for who is one."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam(ORDINARY)
    for place in (home, *home.rglob("*")):
        os.chown(place, user.pw_uid, user.pw_gid)
    group = grp.getgrgid(user.pw_gid).gr_name
    return ["setpriv", "--reuid", ORDINARY, "--regid", group, "--clear-groups", "--no-new-privs", "--"]


@pytest.mark.parametrize(
    ("script", "component", "settings", "stop"),
    [
        ("postgres.sh", "postgres", database.settings, signal.SIGINT),
        ("kafka.sh", "kafka", broker.settings, signal.SIGTERM),
    ],
    ids=["PostgreSQL", "Kafka"],
)
def test_an_ordinary_user_installs_configures_and_runs_a_server(
    script: str, component: str, settings: Callable[[], dict[str, str]], stop: signal.Signals
) -> None:
    provisioned.build()
    with provisioned.home_of(component) as (home, environment):
        # The checkout may be closed to that user, such as one below /root.
        scripts, artifacts = home / "provision", home / "artifacts"
        shutil.copytree(provisioned.PROVISION, scripts)
        subprocess.run(
            [
                *(sys.executable, str(scripts / "manifest.py"), "select"),
                *(environment["MUSIC_ARTIFACTS_DIR"], component, str(artifacts)),
            ],
            check=True,
        )
        environment |= settings() | {"MUSIC_ARTIFACTS_DIR": str(artifacts), "HOME": str(home)}
        words = become_ordinary(home)

        with provisioned.started([*words, str(scripts / script)], home, environment, stop) as server:
            user = psutil.Process(server).username()

        assert user != "root"
        assert user == (ORDINARY if words else getpass.getuser())
