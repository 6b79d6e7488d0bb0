"""What runs beside the stream, and gives way while it is behind: rollups, audit, rebuilding, progress."""
