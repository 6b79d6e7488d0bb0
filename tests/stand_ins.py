"""Programs that stand in for those of the system."""

from pathlib import Path


def program(directory: Path, name: str, script: str) -> Path:
    """Write an executable shell script."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file
