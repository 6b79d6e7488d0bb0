"""The wrapper around python-terraform, against the real binary and a root module of a few lines."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from music_platform.deployment.terraform import Event, Terraform, describe
from music_platform.errors import PlatformError

BINARY = shutil.which("terraform") or shutil.which("tofu") or "terraform"

ROOT_MODULE = """
terraform {
  backend "local" {
    path = "default.tfstate"
  }
}

variable "rate" {
  type     = number
  default  = 5
  nullable = false
  validation {
    condition     = var.rate < 100
    error_message = "The rate must be below 100: write rate = 99."
  }
}

variable "script" {
  type     = string
  default  = "echo installing; echo one warning >&2"
  nullable = false
}

resource "terraform_data" "this" {
  triggers_replace = [var.rate, var.script]

  provisioner "local-exec" {
    command = var.script
  }
}

output "rate" {
  value = var.rate
}

output "password" {
  value     = "only a test"
  sensitive = true
}
"""


@pytest.fixture
def root_module(tmp_path: Path) -> Path:
    directory = tmp_path / "root"
    directory.mkdir()
    (directory / "main.tf").write_text(ROOT_MODULE)
    return directory


def terraform(root_module: Path, **variables: object) -> Terraform:
    file = root_module / "test.tfvars.json"
    file.write_text(json.dumps(variables))
    wrapper = Terraform(root_module, BINARY, variable_files=(file,))
    wrapper.initialize()
    return wrapper


def ignore(_: Event) -> None:
    """Nobody listens."""


def test_an_applied_module_gives_its_outputs_and_a_second_plan_has_no_changes(root_module: Path) -> None:
    wrapper = terraform(root_module)
    assert wrapper.has_changes()
    assert wrapper.resources() == []
    assert wrapper.identities("terraform_data") == set()
    assert wrapper.outputs() == {}

    wrapper.apply(ignore)

    assert wrapper.outputs() == {"rate": 5, "password": "only a test"}
    assert wrapper.resources() == ["terraform_data.this"]
    assert len(wrapper.identities("terraform_data")) == 1
    assert wrapper.identities("docker_container") == set()
    assert not wrapper.has_changes()


def test_a_null_in_the_variable_file_means_the_default(root_module: Path) -> None:
    wrapper = terraform(root_module, rate=None)
    wrapper.apply(ignore)
    assert wrapper.outputs()["rate"] == 5


def test_the_output_of_provisioners_is_heard_line_by_line_while_they_run(root_module: Path) -> None:
    # The provisioner waits for a file that only the listener makes: were the output held back until the end,
    # the provisioner would give up.
    signalled = root_module / "heard"
    script = f"echo ready; for i in $(seq 100); do [ -e {signalled} ] && exit 0; sleep 0.1; done; exit 1"
    heard: list[str] = []

    def listen(event: Event) -> None:
        if event.kind == "provision_progress":
            heard.append(event.text)
            if event.text == "ready":
                signalled.touch()

    terraform(root_module, script=script).apply(listen)

    assert "ready" in heard


def test_a_failing_provisioner_becomes_an_error_with_the_end_of_its_output(root_module: Path) -> None:
    wrapper = terraform(root_module, script="echo the disk is full; exit 3")
    with pytest.raises(PlatformError, match="the disk is full") as failure:
        wrapper.apply(ignore)
    assert "terraform_data.this" in str(failure.value)


def test_a_refused_variable_becomes_an_error_with_the_sentence_of_its_validation(root_module: Path) -> None:
    wrapper = terraform(root_module, rate=500)
    with pytest.raises(PlatformError, match="The rate must be below 100: write rate = 99"):
        wrapper.apply(ignore)
    with pytest.raises(PlatformError, match="The rate must be below 100"):
        wrapper.has_changes()


def test_destroy_empties_the_state(root_module: Path) -> None:
    wrapper = terraform(root_module)
    wrapper.apply(ignore)
    wrapper.destroy(ignore)
    assert wrapper.resources() == []


def test_instances_share_a_root_module_and_no_state(root_module: Path, tmp_path: Path) -> None:
    default = terraform(root_module)
    default.apply(ignore)
    wrappers = []
    for name in ("one", "two"):
        wrapper = Terraform(
            root_module,
            BINARY,
            data_directory=tmp_path / name / "terraform",
            backend_config={"path": str(tmp_path / name / "terraform.tfstate")},
        )
        assert not wrapper.is_initialized
        wrapper.initialize()
        assert wrapper.is_initialized
        wrappers.append(wrapper)
    one, two = wrappers

    one.apply(ignore)

    assert one.resources() == ["terraform_data.this"]
    assert two.resources() == []
    one.destroy(ignore)
    assert default.resources() == ["terraform_data.this"]


def test_a_missing_binary_is_named() -> None:
    with pytest.raises(PlatformError, match="no-such-terraform was not found"):
        Terraform(Path.cwd(), "no-such-terraform").initialize()


def test_an_interrupt_ends_terraform_in_order_and_leaves_its_state_readable(root_module: Path) -> None:
    code = (
        "import signal, sys; from pathlib import Path\n"
        "from music_platform.deployment.terraform import Terraform\n"
        # What a shell starts in the background is deaf to it, and so is all that is started from there.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "Terraform(Path(sys.argv[1]), sys.argv[2], variable_files=(Path(sys.argv[3]),))"
        ".apply(lambda event: print(event.text, flush=True))"
    )
    wrapper = terraform(root_module, script="echo started; sleep 60")
    command = [sys.executable, "-c", code, str(root_module), BINARY, str(root_module / "test.tfvars.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        killer = threading.Timer(50, process.kill)
        killer.start()
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "started":
                os.kill(process.pid, signal.SIGINT)
                break
        process.communicate()
        killer.cancel()

    assert process.returncode not in (0, -signal.SIGKILL)
    # No lock is left behind, and Terraform knows that the resource needs another try.
    assert wrapper.has_changes()


def test_a_line_that_is_not_json_is_passed_on_as_text() -> None:
    assert Event.parse("panic: oh") == Event("text", text="panic: oh")
    assert Event.parse("[1]").text == "[1]"


def test_a_diagnostic_is_described_by_the_end_of_the_output() -> None:
    detail = "Error running command 'x': exit status 1. Output: " + "\n".join(f"line {n}" for n in range(100))
    text = describe(
        Event("diagnostic", address="module.kafka.terraform_data.this", text="it failed", detail=detail)
    )
    assert text.startswith("it failed (module.kafka.terraform_data.this):")
    assert "line 99" in text
    assert "line 80" not in text
