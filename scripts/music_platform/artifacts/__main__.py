"""Builds the artifacts, or pins their jars anew: python -m music_platform.artifacts [lock]."""

import sys

from music_platform.artifacts.building import main

if __name__ == "__main__":
    sys.exit(main())
