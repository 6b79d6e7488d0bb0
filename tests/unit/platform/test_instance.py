"""Which platform a command is about, and that only one command changes it at a time."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from music_platform.deployment import instance as instances
from music_platform.deployment import settings
from music_platform.deployment.instance import Instance
from music_platform.errors import PlatformError


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "terraform" / "local").mkdir(parents=True)
    (tmp_path / "terraform" / "local" / "main.tf").touch()
    (tmp_path / "Makefile").touch()
    return tmp_path


def test_the_checkout_is_found_from_a_directory_inside_it(checkout: Path) -> None:
    assert instances.find_checkout(checkout / "terraform" / "local") == checkout
    with pytest.raises(PlatformError, match="is not in a checkout of the platform"):
        instances.find_checkout(checkout.parent)


def test_two_checkouts_of_one_name_have_different_homes_for_root() -> None:
    homes = {instances.default_home(Path(path), as_root=True) for path in ("/a/music", "/b/music")}
    assert len(homes) == 2
    assert instances.default_home(Path("/a/music"), as_root=False) == Path("/a/music/.platform")


def test_the_default_instance_keeps_its_state_where_plain_terraform_finds_it(checkout: Path) -> None:
    instance = instances.select(checkout, {})
    assert instance.settings_file == checkout / "terraform" / "local" / "settings.auto.tfvars.json"
    assert instance.terraform().data_directory is None


def test_another_instance_shares_nothing_but_the_checkout(checkout: Path) -> None:
    second = instances.select(checkout, {"NAME": "second"})
    terraform = second.terraform()
    assert terraform.data_directory is not None
    own = [terraform.data_directory, Path(terraform.backend_config["path"]), second.settings_file]
    assert all(path.is_relative_to(second.directory) for path in own)


def test_the_chosen_home_of_the_default_instance_is_remembered(checkout: Path) -> None:
    elsewhere = checkout / "elsewhere"
    instances.select(checkout, {"HOME_DIR": str(elsewhere)}).keep_settings({"HOME_DIR": str(elsewhere)})
    assert instances.select(checkout, {}).home == elsewhere
    assert instances.select(checkout, {"NAME": "second"}).home != elsewhere


def test_what_was_written_for_the_default_instance_does_not_count_for_another(checkout: Path) -> None:
    default = instances.select(checkout, {})
    default.settings_file.write_text('{"kafka": {"topics": {"music.users": {"partitions": 6}}}}')
    second = instances.select(checkout, {"NAME": "second", "HOME_DIR": str(checkout / "home")})
    second.keep_settings({})
    assert json.loads(second.settings_file.read_text())["kafka"] is None


@pytest.mark.parametrize("words", [{}, {"HOME_DIR": "/srv/music"}, {"NAME": "second"}])
def test_terraform_is_told_the_home_that_the_command_line_uses(
    checkout: Path, words: dict[str, settings.Value | None]
) -> None:
    stub = checkout / "terraform-stub"
    stub.write_text(f'#!/bin/sh\necho "$TF_VAR_home" >"{checkout}/home"\n')
    stub.chmod(0o755)
    instance = instances.select(checkout, {**words, "TF": str(stub)})
    instance.terraform().initialize()
    assert (checkout / "home").read_text().strip() == str(instance.home)


def test_an_unknown_environment_is_answered_with_those_that_exist(checkout: Path) -> None:
    with pytest.raises(PlatformError, match="There is no environment called mars: terraform/ has local"):
        instances.select(checkout, {"ENV": "mars"})


def test_a_second_command_on_the_same_instance_is_refused_and_told_who_is_at_work(tmp_path: Path) -> None:
    instance = Instance(checkout=tmp_path, home=tmp_path)
    code = (
        "import sys; from pathlib import Path; from music_platform.deployment.instance import Instance\n"
        "with Instance(checkout=Path(sys.argv[1]), home=Path(sys.argv[1])).lock('make down'): pass"
    )
    with instance.lock("make up"):
        second = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert second.returncode != 0
    assert "The instance 'default' is being changed by `make up` (process" in second.stderr
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == 0
