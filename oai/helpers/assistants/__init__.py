"""Streams of assistants' runs: `streams` has the event handlers, `state` accumulates messages and run steps."""
