"""The Terraform code: its format, its validity and its own tests (*.tftest.hcl), without a server."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
# One root of tests for each set of providers: those of local need none.
TESTS = [Path(__file__).parent, Path(__file__).parent / "docker"]
ROOTS = sorted(file.parent for file in (CHECKOUT / "terraform").glob("*/main.tf"))


@pytest.fixture(scope="session")
def program() -> str:
    for name in filter(None, (os.environ.get("TF"), "terraform", "tofu")):
        if found := shutil.which(name):
            return found
    pytest.fail("Neither terraform nor tofu is installed: install one of them, or name it: TF=<path>.")


def run(program: str, directory: Path, data: Path, *arguments: str) -> str:
    """Run a command with a data directory of its own: that of a running platform stays as it is."""
    result = subprocess.run(
        [program, f"-chdir={directory}", *arguments],
        env={**os.environ, "TF_DATA_DIR": str(data), "TF_IN_AUTOMATION": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


def test_every_file_is_formatted(program: str, tmp_path: Path) -> None:
    for folder in ("modules", "terraform", "tests/terraform"):
        run(program, CHECKOUT / folder, tmp_path, "fmt", "-check", "-diff", "-recursive")


@pytest.mark.parametrize("root", ROOTS, ids=lambda path: path.name)
def test_an_environment_is_valid(program: str, tmp_path: Path, root: Path) -> None:
    run(program, root, tmp_path, "init", "-backend=false", "-input=false", "-no-color")
    run(program, root, tmp_path, "validate", "-no-color")


@pytest.mark.parametrize("directory", TESTS, ids=lambda path: path.name)
def test_modules_do_what_their_tests_say(program: str, tmp_path: Path, directory: Path) -> None:
    run(program, directory, tmp_path, "init", "-input=false", "-no-color")
    report = run(program, directory, tmp_path, "test", "-no-color")
    print(report)
    assert " 0 passed" not in report
