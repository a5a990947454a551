"""Read the body of an error response, in the API's own shape or that of another server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from oai._json.decode import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable

OTHER_MESSAGES = ("detail", "msg", "error_message", "error_msg", "errorMessage", "errmsg", "err_msg", "errors", "code")
"""Fields in which compatible servers send an error's message."""


def read_error(content: bytes, excerpt: Callable[[Any], str]) -> tuple[str, object]:
    """Return message and body of an error response.

    Known are `{"error": {"message": ...}}`, `{"error": "text"}`, `{"detail": ...}` (FastAPI),
    `{"message": ...}`, a list of such objects (Google's gateways), HTML, plain text, and nothing.

    Args:
        content: the text of the body, in UTF-8.
        excerpt: shortens text or bytes for a message, without the secrets in it.
    """
    try:
        body = parse_json(content)
    except msgspec.DecodeError:
        text = content.decode(errors="replace")
        return excerpt(text), text
    if isinstance(body, list) and len(body) == 1 and isinstance(body[0], dict):
        body = body[0]
    if not isinstance(body, dict):
        return excerpt(content), body
    error = body.get("error")
    inner = error if isinstance(error, dict) else body
    for candidate in (inner.get("message"), error, *(inner.get(name) for name in OTHER_MESSAGES)):
        if candidate and not isinstance(candidate, dict):
            message = candidate if isinstance(candidate, str) else msgspec.json.encode(candidate).decode()
            return excerpt(message), body.get("error", body)
    return excerpt(content), body.get("error", body)
