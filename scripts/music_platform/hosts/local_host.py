"""Processes of this machine, under the supervisor of their instance."""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from music_platform.console.progress import Progress
from music_platform.deployment import running, settings
from music_platform.deployment.instance import Instance
from music_platform.errors import PlatformError
from music_platform.hosts import hosting, java, logs, ports, preflight, prerequisites, processes
from music_platform.hosts.hosting import Check, Program
from music_platform.hosts.processes import Supervisor

SERVICE_SCRIPT = Path("modules/service/local/service.sh")
SUPERVISOR_SCRIPT = Path("modules/supervisor/local/supervisor.sh")
PROVISION_FUNCTIONS = Path("scripts/provision/platform.sh")
# The default of terraform/local's variable run_as.
DEFAULT_USER = "nobody"


class LocalHost:
    """The processes of one instance: those that its supervisor knows, and those that outlived it."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._supervisor = Supervisor(instance.supervisor_socket)

    def checks(self, wanted_ports: Mapping[str, int]) -> Sequence[Check]:
        """Return the checks of memory, of the home's path, of what the servers run on and of the ports.

        The ports of this instance's own processes are no obstacle, and what they use of the memory need not
        be free.
        """
        ours = {process.pid for process in self._processes()}
        return [
            *([] if ours else [preflight.require_memory]),
            lambda: preflight.require_usable_path(self._instance),
            self._require_runtimes,
            lambda: ports.require(wanted_ports, ours=ours),
        ]

    def programs(self) -> list[Program]:
        """Return the programs of the supervisor; empty when it does not run."""
        return self._supervisor.programs()

    def before_apply(self, progress: Progress) -> None:
        """Start the processes again where Terraform believes that they run, but the machine was rebooted."""
        if not running.is_applied(self._instance) or self._supervisor.pid():
            return
        progress.step("Starting the processes again: they were stopped, though not by `make down`")
        processes.end(processes.belonging_to(self._instance.directory))
        script = self._instance.checkout / SUPERVISOR_SCRIPT
        command = ["bash", str(script), "start", str(self._instance.directory)]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if result.returncode:
            raise PlatformError(f"The supervisor cannot be started: {result.stderr.strip()}")

    def after_apply(self, progress: Progress) -> None:
        """Start what the supervisor has given up."""
        for program in self.programs():
            if program.state in ("stopped", "exited", "fatal"):
                progress.detail(f"starting {program.name} again, it was {program.state}")
                self._supervisor.start(program.name)

    def before_destroy(self) -> None:
        """Do nothing: no process is in Terraform's way."""

    def after_destroy(self) -> None:
        """End what is left: a supervisor that was killed knew nothing any more."""
        processes.end(self._processes())

    def stop(self, name: str) -> None:
        """Stop a process, and wait until it has ended."""
        self._supervisor.stop(name)

    def start(self, name: str) -> None:
        """Start a process that was stopped, without waiting for it."""
        self._supervisor.start(name)

    def pack(self, name: str, file: Path) -> None:
        """Write what a stopped process has stored to a compressed archive."""
        with tarfile.open(file, "w:gz", compresslevel=1) as archive:
            for entry in sorted(self._data(name).iterdir()):
                archive.add(entry, entry.name)

    def unpack(self, name: str, file: Path) -> None:
        """Put an archive in the place of what a stopped process has stored, with its owner."""
        directory = self._data(name)
        owner = directory.stat()
        # What is there goes once all of the archive lies beside it.
        restored = directory.with_name(f".{name}.restored")
        shutil.rmtree(restored, ignore_errors=True)
        with tarfile.open(file, "r:gz") as archive:
            archive.extractall(restored, filter="tar")
        restored.chmod(owner.st_mode)
        if os.geteuid() == 0:
            for path in (restored, *restored.rglob("*")):
                os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
        shutil.rmtree(directory)
        restored.rename(directory)
        self._configure(name)

    def _require_runtimes(self) -> str:
        """Say what the servers run on; raise a PlatformError when their user cannot run it.

        That user is not the one who asks, where root does: what lies below /root is closed to it.
        """
        prerequisites.require_commands()
        user = str(settings.kept(self._instance.settings_file).get("run_as", DEFAULT_USER))
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        python = self._ask_scripts(user, f"find_python {version}")
        if python.returncode:
            raise PlatformError(python.stderr.strip().removeprefix("platform: "))
        found = java.find()
        if found and self._ask_scripts(user, 'runner_can_execute "$1"', str(found)).returncode:
            raise PlatformError(
                f"The user {user}, as whom the servers run, cannot run {found}: they need a JDK that every "
                f"user may read. {java.REMEDY}"
            )
        return f"{python.stdout.strip()} for the servers"

    def _ask_scripts(self, user: str, question: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Call a function of the provisioning scripts, which have the rules of what suits them."""
        script = self._instance.checkout / PROVISION_FUNCTIONS
        return subprocess.run(
            ["bash", "-c", f'source "$0" && {question}', str(script), *arguments],
            env={**os.environ, "MUSIC_RUN_AS": user},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def _configure(self, name: str) -> None:
        """Bring what was put there to the settings and secrets of this deployment."""
        checkout = self._instance.checkout
        environment = {
            **os.environ,
            "SERVICE_NAME": name,
            "SERVICE_INSTANCE": str(self._instance.directory),
            "SERVICE_SCRIPT": str(checkout / "scripts" / "provision" / f"{name}.sh"),
        }
        command = ["bash", str(checkout / SERVICE_SCRIPT), "task", "configure"]
        result = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if result.returncode:
            raise PlatformError(f"{name} cannot use what was restored: {result.stderr.strip()}")

    def _data(self, name: str) -> Path:
        return self._instance.directory / "data" / name

    def remove_data(self) -> int:
        """Do nothing: the data lies in the instance's directory, which goes as a whole."""
        return 0

    def where_the_data_is(self) -> str:
        """Say where the data stays after `make down`."""
        return str(self._instance.directory)

    def what_stays(self) -> str:
        """Say what `make destroy` leaves for the next start."""
        return f"The installed programs stay in {self._instance.home / 'opt'}"

    def last_words(self, name: str, count: int) -> list[str]:
        """Return the last lines of a process's log."""
        return logs.last_lines(self._instance.log_directory / f"{name}.log", count)

    def show_logs(self, component: str | None, lines: int, *, follow: bool) -> None:
        """Print the ends of the log files."""
        files = {file.stem: file for file in self._instance.log_directory.glob("*.log")}
        if not files:
            raise PlatformError(
                f"There are no logs in {self._instance.log_directory}: was the platform started?"
            )
        logs.show([files[name] for name in hosting.chosen(list(files), component)], lines, follow=follow)

    def _processes(self) -> list[psutil.Process]:
        return [*self._supervisor.processes(), *processes.belonging_to(self._instance.directory)]
