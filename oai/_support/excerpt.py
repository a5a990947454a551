"""Show the start of untrusted text in a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from oai._support.redact import redact_text

if TYPE_CHECKING:
    from collections.abc import Callable

SHOWN = 300
"""Maximum number of characters that a message shows."""

EXAMINED = 8 * SHOWN
"""Characters that are searched for keys: whitespace is collapsed, so that more than `SHOWN` of them may be shown."""


def excerpt(content: bytes | str, hide: Callable[[str], str] | None = None) -> str:
    """Return the start of a body for a message: on one line, keys redacted, shortened with an ellipsis.

    Args:
        content: the body.
        hide: removes the credentials of the request. It is called before anything is cut: of a key that is cut in two
            the first half would stay.
    """
    text = content.decode(errors="replace") if isinstance(content, bytes) else content
    if hide is not None:
        text = hide(text)
    start = text[:EXAMINED]
    if len(text) > EXAMINED:
        words = start.rsplit(None, 1)
        if len(words) == 2 and len(words[1]) < SHOWN:
            start = words[0]  # the last word may be the first part of a key, too short to be recognized
    line = redact_text(" ".join(start.split()))
    return line if len(line) <= SHOWN and len(text) <= EXAMINED else line[:SHOWN] + "..."
