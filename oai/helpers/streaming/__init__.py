"""Helper streams of chat and responses: typed events, and snapshots of what has arrived so far."""
