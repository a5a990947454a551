"""The errors of a browser toolset."""

from __future__ import annotations


class BrowserError(Exception):
    """A call was refused, or failed; the text of the error is sent to the model."""


class BrowserCancelledError(RuntimeError):
    """A call was cancelled before it had an output. What the browser did until then is not undone."""
