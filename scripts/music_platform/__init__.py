"""The command line of the platform: starts it, watches it, stops it."""
