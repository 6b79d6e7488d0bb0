"""`make down` and `make destroy`: stop everything, keep or remove the data."""

import shutil
from pathlib import Path

from music_platform.console.asking import agrees
from music_platform.console.progress import Progress
from music_platform.deployment import running
from music_platform.deployment.applying import ApplyProgress
from music_platform.deployment.instance import DEFAULT_NAME, Instance
from music_platform.errors import PlatformError
from music_platform.hosts import hosting


def down(instance: Instance, progress: Progress) -> None:
    """Stop every server of the instance; what it stored stays."""
    if not _is_there(instance):
        progress.step(f"There is no platform called '{instance.name}' here: nothing to stop.")
        return
    with instance.lock("make down"):
        stopped = _stop(instance, progress)
    progress.step(f"Stopped: {stopped}.")
    progress.detail(
        f"The data stays in {hosting.of(instance).where_the_data_is()}: `make up` continues with it."
    )


def destroy(instance: Instance, progress: Progress, *, ask: bool) -> None:
    """Stop every server and remove all that is the instance's own; ask before, when told to."""
    if not _is_there(instance):
        progress.step(f"There is no platform called '{instance.name}' here: nothing to remove.")
        return
    if ask and not agrees(f"Remove the platform '{instance.name}' with all its data?"):
        raise PlatformError("Nothing was removed. `make destroy FORCE=1` does not ask.")
    with instance.lock("make destroy"):
        stopped = _stop(instance, progress)
        removed = hosting.of(instance).remove_data() + _remove(instance)
    progress.step(f"Stopped: {stopped}. Removed {removed / 2**20:,.0f} MiB of data and the kept settings.")
    progress.detail(f"{hosting.of(instance).what_stays()} for the next `make up`.")


def _is_there(instance: Instance) -> bool:
    return instance.exists or running.is_applied(instance)


def _stop(instance: Instance, progress: Progress) -> str:
    """Stop what runs; return the names of what did."""
    host = hosting.of(instance)
    names = [program.name for program in host.programs() if program.pid]
    terraform = instance.terraform()
    progress.step(f"Stopping the platform '{instance.name}'")
    terraform.initialize()
    host.before_destroy()
    terraform.destroy(ApplyProgress(progress))
    host.after_destroy()
    return ", ".join(names) or "nothing was running"


def _remove(instance: Instance) -> int:
    """Remove data, settings and the empty state; return how many bytes that were."""
    size = sum(file.lstat().st_size for file in instance.directory.rglob("*") if file.is_file())
    if instance.directory.exists():
        shutil.rmtree(instance.directory)
    for left in [instance.settings_file, *_state_files(instance)]:
        left.unlink(missing_ok=True)
    return size


def _state_files(instance: Instance) -> list[Path]:
    return list(instance.root_module.glob("default.tfstate*")) if instance.name == DEFAULT_NAME else []
