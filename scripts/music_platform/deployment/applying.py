"""Terraform's events as progress that people can follow."""

import re

from music_platform.console.progress import Progress
from music_platform.deployment.terraform import Event

# The command of a provisioner, and Terraform's word that a provisioner with secrets shows no output.
NOT_FOR_PEOPLE = ("Executing: [", "(output suppressed")


class ApplyProgress:
    """Turns the events of an apply or a destroy into lines such as `kafka: creating the topics`."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._started: dict[str, float] = {}
        self.changes = 0
        self.has_begun = False
        """Whether something was changed, or was about to be: false while Terraform only plans."""

    def __call__(self, event: Event) -> None:
        """Hear one event."""
        if event.kind == "planned_change":
            self.changes += 1
        elif event.kind == "apply_start":
            self.has_begun = True
            self._started.setdefault(component(event.address), self._progress.elapsed)
        elif event.kind == "provision_progress" and not event.text.startswith(NOT_FOR_PEOPLE):
            self._say(event)
        elif event.kind == "apply_complete":
            self._done(event)
        elif event.kind == "apply_errored":
            self._progress.detail(f"{component(event.address)}: failed")
        elif event.kind == "text" and event.text.strip():
            self._progress.detail(event.text)
        elif event.severity == "warning":
            self._progress.warn(f"{event.text}. {event.detail}")

    def _say(self, event: Event) -> None:
        if text := event.text.rstrip():
            name = component(event.address)
            # The scripts begin their lines with their service (kafka, spark_job): once is enough.
            speaker = text.partition(": ")[0]
            self._progress.detail(text if speaker.startswith(name) else f"{name}: {text}")

    def _done(self, event: Event) -> None:
        name = component(event.address)
        now = self._progress.elapsed
        seconds = now - self._started.pop(name, now)
        if seconds >= 1:
            deed = "stopped" if event.action == "delete" else "done"
            self._progress.detail(f"{name}: {deed} after {seconds:.0f} s")


def component(address: str) -> str:
    """Return the component that a resource belongs to: the outermost module, or the resource's own name."""
    module = re.match(r"module\.(\w+)", address)
    return module.group(1) if module else address.split(".")[-1]
