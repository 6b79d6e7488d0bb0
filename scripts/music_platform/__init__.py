"""The command line of the platform: starts it, watches it, stops it.

`cli` reads the words of a command and calls `commands`. Each room imports only from those that come after it:
commands, artifacts, hosts, deployment, console.
"""
