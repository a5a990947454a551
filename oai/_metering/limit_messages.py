"""The messages between `LimitServer` and the limiters that share its limits: JSON lines over a connection.

A limiter sends `Admit` and gets a number, the seconds that the request must wait before its next check (0: it has
started), or sends a `Change`, to which there is no reply. The time of a `block` counts from when it arrives.
"""

from __future__ import annotations

from typing import Final

import msgspec

from oai._json import strict
from oai._metering.limit_state import Change

LONGEST: Final = 1024
"""Bytes of a message."""


class Admit(msgspec.Struct, array_like=True, frozen=True, tag="admit"):
    """A request that is to start, and the limits that its process has."""

    ticket: str
    tokens: int
    requests_per_minute: int | None
    tokens_per_minute: int | None


read_message = strict.decoder(Admit | Change).decode


def written(message: Admit | Change | float) -> bytes:
    """Return a message as its line."""
    return msgspec.json.encode(message) + b"\n"
