"""The edge to PostgreSQL: how rows get in, a module for each kind of table."""
