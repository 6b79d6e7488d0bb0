"""The event contract every part of the platform agrees on; no dependency but the standard library."""
