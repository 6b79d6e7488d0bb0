"""What a person asks for: a file for each command of `make`, or for a few that belong together."""
