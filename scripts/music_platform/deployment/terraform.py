"""Terraform (or OpenTofu), driven through python-terraform, with its quirks kept in this one place.

python-terraform 0.10.1 is unmaintained. What it does wrong for current versions, and what is done about it:

- it can only return output after the end, so `_Runner.cmd` streams the lines;
- it leaves standard input open, so Terraform would wait for answers that nobody gives;
- it passes `-force` to `destroy`, which Terraform no longer knows;
- its `output` hides failures, so `output_cmd` with the flag `-json` is used;
- it parses the state file after each command, which nothing here needs.
"""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import python_terraform

from music_platform.errors import PlatformError


@dataclass(frozen=True)
class Event:
    """One line of Terraform's machine-readable log.

    `kind` is Terraform's message type (apply_start, provision_progress, apply_complete, diagnostic, …),
    `address` the resource it is about (or empty), `text` what a person should read.
    """

    kind: str
    address: str = ""
    action: str = ""
    text: str = ""
    detail: str = ""
    severity: str = ""

    @classmethod
    def parse(cls, line: str) -> "Event":
        """Read one line; a line that is not JSON (a crash, a warning of a wrapper) becomes kind `text`."""
        try:
            entry = json.loads(line)
        except ValueError:
            return cls("text", text=line)
        if not isinstance(entry, dict):
            return cls("text", text=line)
        hook = entry.get("hook") or entry.get("change") or {}
        diagnostic = entry.get("diagnostic") or {}
        return cls(
            kind=entry.get("type", ""),
            address=hook.get("resource", {}).get("addr", "") or diagnostic.get("address", ""),
            action=hook.get("action", ""),
            text=diagnostic.get("summary") or hook.get("output") or entry.get("@message", ""),
            detail=diagnostic.get("detail", ""),
            severity=diagnostic.get("severity", ""),
        )


Listener = Callable[[Event], None]


@dataclass
class Terraform:
    """One root module with one state.

    `backend_config` and `data_directory` separate the states of several instances of one root module;
    `variable_files` are passed to every command that plans; `variables` count where no file sets them.
    """

    directory: Path
    binary: str = "terraform"
    data_directory: Path | None = None
    backend_config: Mapping[str, str] = field(default_factory=dict)
    variable_files: Sequence[Path] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_initialized(self) -> bool:
        """Whether Terraform has noted where the state is; without that, it refuses to say anything."""
        return ((self.data_directory or self.directory / ".terraform") / "terraform.tfstate").is_file()

    def initialize(self) -> None:
        """Prepare the working directory; cheap when that was done before."""
        self._run(
            "init",
            backend_config=dict(self.backend_config),
            reconfigure=python_terraform.IsFlagged,
            input=False,
            no_color=python_terraform.IsFlagged,
        )

    def apply(self, listener: Listener) -> None:
        """Make the platform what its settings say; the listener hears of every step."""
        self._plan_like("apply", listener)

    def destroy(self, listener: Listener) -> None:
        """Stop and remove all that the state knows."""
        self._plan_like("destroy", listener)

    def has_changes(self) -> bool:
        """Say whether an apply would change something."""
        code, _, _ = self._run("plan", expected=(0, 2), **self._options(detailed_exitcode=True))
        return code == 2

    def outputs(self) -> dict[str, Any]:
        """Return the values of the root module's outputs; empty when nothing was applied."""
        _, output, _ = self._run("output", json=python_terraform.IsFlagged)
        return {name: entry["value"] for name, entry in json.loads(output).items()}

    def resources(self) -> list[str]:
        """Return the addresses that the state holds; empty when nothing was applied."""
        code, output, error = self._run("state list", expected=(0, 1))
        if code == 1 and "No state file was found" not in error:
            raise PlatformError(f"{self.binary} could not read its state: {error.strip()}")
        return output.split()

    def identities(self, kind: str) -> set[str]:
        """Return the ids of the resources of a type that the state holds; empty when nothing was applied."""
        _, output, _ = self._run("state pull")
        resources = json.loads(output)["resources"] if output.strip() else []
        return {
            str(instance["attributes"]["id"])
            for resource in resources
            if resource["type"] == kind and resource["mode"] == "managed"
            for instance in resource["instances"]
        }

    def _plan_like(self, command: str, listener: Listener) -> None:
        errors: list[Event] = []

        def hear(line: str) -> None:
            event = Event.parse(line)
            if event.severity == "error":
                errors.append(event)
            listener(event)

        options = self._options(json=python_terraform.IsFlagged, auto_approve=True)
        code, _, error = self._run(command, on_line=hear, expected=None, **options)
        if code:
            raise PlatformError(self._explain(command, errors, error))

    def _options(self, **options: Any) -> dict[str, Any]:
        if options.pop("detailed_exitcode", False):
            options["detailed_exitcode"] = python_terraform.IsFlagged
        return {"input": False, "var_file": [str(path) for path in self.variable_files], **options}

    def _explain(self, command: str, errors: Sequence[Event], standard_error: str) -> str:
        if not errors:
            return f"{self.binary} {command} failed: {standard_error.strip() or 'it did not say why'}"
        return "\n".join(describe(event) for event in errors)

    def _run(
        self,
        command: str,
        *,
        on_line: Callable[[str], None] | None = None,
        expected: Sequence[int] | None = (0,),
        **options: Any,
    ) -> tuple[int, str, str]:
        runner = _Runner(self.directory, self.binary, self._environment(), on_line)
        try:
            code, output, error = runner.cmd(command, **options)
        except FileNotFoundError as failure:
            raise PlatformError(f"The program {self.binary} was not found.") from failure
        if expected is not None and code not in expected:
            reason = error.strip() or output.strip()
            # Warnings about the user's own configuration of Terraform may come first.
            reason = reason[max(0, reason.find("Error: ")) :]
            raise PlatformError(f"{self.binary} {command} failed in {self.directory}: {reason}")
        return code, output, error

    def _environment(self) -> dict[str, str]:
        environment = {**os.environ, "TF_IN_AUTOMATION": "1", "TF_INPUT": "0"}
        environment.update({f"TF_VAR_{name}": value for name, value in self.variables.items()})
        if self.data_directory is not None:
            environment["TF_DATA_DIR"] = str(self.data_directory)
        return environment


def describe(diagnostic: Event) -> str:
    """Turn a diagnostic of Terraform into sentences: what failed, where, and the end of what it said."""
    where = f" ({diagnostic.address})" if diagnostic.address else ""
    marker = "Output: "
    _, found, output = diagnostic.detail.partition(marker)
    explanation = output if found else diagnostic.detail
    lines = [line for line in explanation.strip().splitlines() if line.strip()]
    return "\n".join([f"{diagnostic.text}{where}:", *(f"  {line}" for line in lines[-15:])])


class _Runner(python_terraform.Terraform):  # type: ignore[misc]
    """python-terraform's command builder with a process runner that streams and never asks."""

    def __init__(
        self, directory: Path, binary: str, environment: dict[str, str], on_line: Callable[[str], None] | None
    ) -> None:
        super().__init__(working_dir=str(directory), terraform_bin_path=binary)
        self._environment = environment
        self._on_line = on_line

    def read_state_file(self, file_path: str | None = None) -> None:
        """Leave the state to Terraform."""

    def cmd(self, cmd: str, *args: str, **kwargs: Any) -> tuple[int, str, str]:
        """Run a command to its end and return (exit code, output, errors)."""
        command = self.generate_cmd_string(cmd, *args, **kwargs)
        with TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=self.working_dir,
                env=self._environment,
                encoding="utf-8",
                errors="replace",
                # In a session of its own Terraform does not get the terminal's Ctrl-C: it is told once, by
                # _follow. Told twice, it would give up at once and could lose its state.
                start_new_session=True,
            )
            output = self._follow(process)
            errors.seek(0)
            return process.returncode, output, errors.read()

    def _follow(self, process: "subprocess.Popen[str]") -> str:
        lines: list[str] = []
        try:
            self._read(process, lines)
        except BaseException:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
            self._on_line = None
            self._read(process, lines)
            raise
        return "".join(lines)

    def _read(self, process: "subprocess.Popen[str]", lines: list[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if self._on_line is not None:
                self._on_line(line.rstrip("\n"))
        process.wait()
