"""Print notices to the standard error, and describe errors."""

from __future__ import annotations

import sys

from oai._errors import OpenAIError


def print_notice(message: str) -> None:
    """Print a notice to the standard error, with the name of the program."""
    print(f"oai: {message}", file=sys.stderr, flush=True)  # noqa: T201


def describe(error: Exception) -> str:
    """Return the description of an error on one line, with secrets redacted."""
    from oai._support.redact import redact_text

    text = str(error)
    if isinstance(error, AssertionError) and (missed := getattr(error, "missed", None)):
        text = f"{missed}\n--record FILE records it"
    elif isinstance(error, OSError) and error.strerror:
        text = error.strerror if error.filename is None else f"{error.filename or repr('')}: {error.strerror}"
    elif isinstance(error, RecursionError):
        text = "the data is nested too deeply (--traceback shows where)"
    elif not isinstance(error, (OpenAIError, OSError, ValueError, AssertionError)):
        text = f"{type(error).__name__}: {text} (--traceback shows where)"
    request_id = getattr(error, "request_id", None)
    if request_id:
        text += f" (request id {request_id})"
    return redact_text("; ".join(line.strip() for line in text.splitlines() if line.strip()))
