"""What `make up` keeps when Terraform refuses it, with the real binary and a root module of a few lines."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from music_platform.artifacts import building
from music_platform.commands import starting
from music_platform.console.progress import Progress
from music_platform.deployment.instance import Instance
from music_platform.errors import PlatformError

ROOT_MODULE = """
terraform {
  backend "local" {
    path = "default.tfstate"
  }
}

variable "producer_rate" {
  type = number
  validation {
    condition     = var.producer_rate < 100
    error_message = "The rate must be below 100: write for example 99."
  }
}

resource "terraform_data" "this" {
  provisioner "local-exec" {
    command = "echo the disk is full; exit 3"
  }
}
"""


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """A platform whose settings Terraform refuses, or whose deployment breaks off."""
    root_module = tmp_path / "terraform" / "local"
    root_module.mkdir(parents=True)
    (root_module / "main.tf").write_text(ROOT_MODULE)
    monkeypatch.setattr(starting, "check_machine", lambda *_: None)
    monkeypatch.setattr(building, "build", lambda *_: None)
    return Instance(
        checkout=tmp_path,
        home=tmp_path / "home",
        terraform_binary=shutil.which("terraform") or shutil.which("tofu") or "terraform",
    )


@pytest.mark.parametrize("name", ["default", "second"])
def test_settings_that_terraform_refuses_give_way_to_the_former_ones(instance: Instance, name: str) -> None:
    instance = replace(instance, name=name)
    instance.settings_file.parent.mkdir(parents=True, exist_ok=True)
    former = '{"producer_rate": 5,   "kafka": {"topics": {"music.users": {"partitions": 6}}}}'
    instance.settings_file.write_text(former)

    with pytest.raises(PlatformError, match="The rate must be below 100") as refusal:
        starting.up(instance, {"RATE": 500}, Progress(quiet=True))

    assert "Nothing was changed, and the former settings stay." in str(refusal.value)
    assert instance.settings_file.read_text() == former


def test_a_first_start_that_terraform_refuses_keeps_no_settings(instance: Instance) -> None:
    with pytest.raises(PlatformError, match="The rate must be below 100"):
        starting.up(instance, {"RATE": 500}, Progress(quiet=True))

    assert not instance.settings_file.exists()


def test_settings_whose_deployment_broke_off_are_kept_for_the_next_try(instance: Instance) -> None:
    with pytest.raises(PlatformError, match="the disk is full"):
        starting.up(instance, {"RATE": 50}, Progress(quiet=True))

    assert json.loads(instance.settings_file.read_text()) == {"producer_rate": 50}
