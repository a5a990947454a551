"""Print notices to the standard error."""

from __future__ import annotations

import sys


def print_notice(message: str) -> None:
    """Print a notice to the standard error, with the name of the program."""
    print(f"oai: {message}", file=sys.stderr, flush=True)  # noqa: T201
