"""The platform as containers: what a user's commands do, and what a container may do."""

import json
import re

import pytest

from tests.docker import engine
from tests.second_platform import CHECKOUT, SecondPlatform, complete, free_of_make

pytestmark = pytest.mark.docker


def test_make_smoke_passes(platform: SecondPlatform) -> None:
    result = complete(["make", "smoke", *platform.words], CHECKOUT, free_of_make())
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"\d+ passed", result.stdout)
    print(result.stdout)


def test_an_apply_without_changes_says_so_and_how_large_the_images_are(platform: SecondPlatform) -> None:
    result = platform.run("up")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "nothing to change" in result.stdout
    (line,) = re.findall("images: (.*)", result.stdout)
    sizes = dict(re.findall(r"(\w+) ([\d.]+[MG]B)(?:, |$)", line))
    assert set(sizes) == set(engine.images(platform.name))
    print(line)


def test_a_second_plan_has_no_changes(platform: SecondPlatform) -> None:
    assert not platform.instance.terraform().has_changes()


def test_the_status_names_every_container_and_its_memory(platform: SecondPlatform) -> None:
    result = platform.run("status")
    assert result.returncode == 0, result.stdout + result.stderr
    for service in engine.containers(platform.name):
        assert re.search(rf"^{service} +running .* MiB", result.stdout, re.MULTILINE), service
    print(result.stdout)


def test_the_logs_of_a_component_are_those_of_its_containers(platform: SecondPlatform) -> None:
    result = platform.run("logs", "--component", "kafka", "--lines", "3")
    assert result.returncode == 0, result.stderr
    names = [line for line in result.stdout.splitlines() if line.startswith("== ")]
    assert names == [f"== {name}" for name in sorted(engine.containers(platform.name)) if "kafka" in name]


def test_no_container_has_rights_or_reaches_this_machine(platform: SecondPlatform) -> None:
    found = engine.containers(platform.name)
    assert found
    for service, container in found.items():
        host = container["HostConfig"]
        assert container["Config"]["User"] == "10001", service
        assert not host["Privileged"] and host["ReadonlyRootfs"], service
        assert host["CapDrop"] == ["ALL"] and not host["CapAdd"], service
        assert host["SecurityOpt"] == ["no-new-privileges"], service
        assert container["Config"]["Healthcheck"]["Test"][0] == "CMD", service
        assert host["Memory"] > 0 and host["CpuQuota"] > 0, service
        assert host["LogConfig"]["Config"] == {"max-size": "50m", "max-file": "3"}, service
        assert host["RestartPolicy"]["Name"] == "unless-stopped", service
        assert {mount["Type"] for mount in container["Mounts"]} <= {"volume", "tmpfs"}, service
        bindings = [each for port in (host["PortBindings"] or {}).values() for each in port]
        assert {binding["HostIp"] for binding in bindings} <= {"127.0.0.1"}, service


def test_the_processes_of_a_container_are_not_roots(platform: SecondPlatform) -> None:
    for service in engine.containers(platform.name):
        name = engine.container(platform.name, service)
        users = set(engine.docker("top", name, "-eo", "user:20,pid").split()[2::2])
        assert users == {"10001"}, service


def test_an_image_says_what_is_in_it(platform: SecondPlatform) -> None:
    images = engine.images(platform.name)
    assert {"contract", "migrations", "dashboards", "certificates", "kafka"} <= set(images)
    for component, image in images.items():
        packages = engine.read(image, "/usr/share/music-platform/packages").splitlines()
        assert all(re.fullmatch(r"\S+\t\S+", line) for line in packages) and len(packages) > 50, component
        # Beside Debian's packages the certificates' image has a script alone.
        if component != "certificates":
            manifest = json.loads(engine.read(image, "/opt/music-platform/artifacts/manifest.json"))
            files = manifest["components"][component]["files"]
            assert files, component
            assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in files.values()), component
