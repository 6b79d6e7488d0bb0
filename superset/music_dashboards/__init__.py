"""Brings Superset to what the files of superset/ say, checks what it then shows, and brings changes back."""
