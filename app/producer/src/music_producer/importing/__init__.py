"""A listener's own history, from the export of a service to events: see docs/import.md for what is read."""
