"""What the user can do something about."""


class DashboardsError(Exception):
    """A problem, told in sentences; the command prints it and fails."""
