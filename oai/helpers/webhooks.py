"""Verify webhooks, and parse their events.

The scheme is that of Standard Webhooks (standardwebhooks.com): HMAC-SHA256 over `id.timestamp.payload` in base64, in a
header that may hold several signatures while a secret is being replaced. Signatures are compared in constant time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from oai._errors import InvalidWebhookSignatureError
from oai._json.decode import decode
from oai._table.type_expressions import resolve

TOLERANCE = 300
"""Seconds by which a webhook's timestamp may differ from now, in either direction."""

PREFIX = "whsec_"

HeadersLike = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]
"""A request's headers: a mapping, or pairs of text or (ASGI) bytes."""

EVENT = "webhooks.UnwrapWebhookEvent"


def unwrap(
    client: Any,
    payload: str | bytes,
    headers: HeadersLike,
    *,
    secret: str | Sequence[str] | None = None,
    tolerance: float = TOLERANCE,
) -> Any:
    """Verify a webhook, and return its event; an event of an unknown type is an `oai.Object`.

    Pass the payload as it was received: JSON that was parsed and encoded again is not what was signed.

    Raises:
        InvalidWebhookSignatureError: no signature matches, or the timestamp is not recent; it is a `ValueError`.
        ValueError: there is no secret, or the payload is not JSON.
    """
    verify_signature(client, payload, headers, secret=secret, tolerance=tolerance)
    try:
        return decode(resolve(EVENT), _bytes(payload))
    except msgspec.DecodeError as error:
        raise ValueError(f"the webhook's signature is valid, but its payload is not JSON: {error}") from None


def verify_signature(
    client: Any,
    payload: str | bytes,
    headers: HeadersLike,
    *,
    secret: str | Sequence[str] | None = None,
    tolerance: float = TOLERANCE,
) -> None:
    """Verify the signature of a webhook, and that its timestamp is within `tolerance` seconds of now.

    `secret` is the client's `webhook_secret` by default; pass a list while one secret replaces another.

    Raises:
        InvalidWebhookSignatureError: no signature matches, or the timestamp is not recent; it is a `ValueError`.
        ValueError: there is no secret.
    """
    keys = _keys(client.webhook_secret if secret is None else secret)
    fields = _fields(headers)
    _check_time(fields["webhook-timestamp"], tolerance)
    signed = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.".encode() + _bytes(payload)
    expected = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)) for key in keys]
    # Encoded, because `compare_digest` raises `TypeError` for text that is not ASCII.
    received = [signature.removeprefix("v1,").encode() for signature in fields["webhook-signature"].split()]
    # A list, not a generator: all pairs are compared, so that the time taken does not tell which secret is in use.
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in received]
    if not any(matches):
        raise InvalidWebhookSignatureError("the webhook's signature does not match its content")


def _bytes(payload: str | bytes) -> bytes:
    if isinstance(payload, str):
        return payload.encode()
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)
    raise TypeError(f"the payload must be the body of the request, str or bytes, not {type(payload).__name__}")


def _keys(secret: str | Sequence[str] | None) -> list[bytes]:
    """Return the keys of secrets. An empty secret is refused, because anybody could sign with it."""
    secrets = [secret] if isinstance(secret, str) else list(secret or ())
    if not secrets or not all(text.removeprefix(PREFIX).strip() for text in secrets):
        raise ValueError(
            "there is no webhook secret: pass secret, or webhook_secret to the client, or set OPENAI_WEBHOOK_SECRET"
        )
    return [_key(text.strip()) for text in secrets]


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        return secret.encode()
    text = secret.removeprefix(PREFIX)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise ValueError(f"invalid webhook secret: the part after {PREFIX!r} is not base64") from None


def _fields(headers: HeadersLike) -> dict[str, str]:
    """Return the three header fields that sign a webhook, by their names in lower case."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    fields = {_text(name).lower(): _text(value) for name, value in pairs}
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        if not fields.get(name):
            raise InvalidWebhookSignatureError(f"the request has no header {name!r}, which a webhook must have")
    return fields


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _check_time(text: str, tolerance: float) -> None:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidWebhookSignatureError("the webhook's timestamp is not a whole number of seconds")
    age = time.time() - int(text)
    if abs(age) > tolerance:
        side = "old" if age > 0 else "new"
        raise InvalidWebhookSignatureError(f"the webhook's timestamp is too {side}: {abs(age):.0f} s from now")
