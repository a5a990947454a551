"""The errors of a browser toolset."""

from __future__ import annotations


class BrowserError(Exception):
    """A call is refused, or failed in a way that the model may know: its text is sent to the model."""


class BrowserCancelledError(RuntimeError):
    """A call was cancelled before it had an output. What the browser did until then is not undone."""
