"""Helper streams of chat and responses: typed events, and snapshots of what has arrived so far.

A state (`chat`, `responses`) turns the raw items of a stream into events and accumulates the result; `base` drives it
over a sync or an async stream. The room sends no request of its own and knows no transport.
"""
