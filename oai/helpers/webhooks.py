"""Webhooks: whether a request comes from the API, and what event it holds.

The scheme is Standard Webhooks': HMAC-SHA256 over `id.timestamp.payload` in base64, in a header that may hold several
signatures, while the secret is being replaced. All comparisons take the same time whatever they compare.
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
"""Seconds that a webhook's timestamp may be away from now, in either direction."""

PREFIX = "whsec_"

HeadersLike = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]
"""A request's headers as web frameworks have them: a mapping, or pairs of text or (ASGI) bytes."""

EVENT = "webhooks.UnwrapWebhookEvent"


def unwrap(
    client: Any,
    payload: str | bytes,
    headers: HeadersLike,
    *,
    secret: str | Sequence[str] | None = None,
    tolerance: float = TOLERANCE,
) -> Any:
    """Check that a webhook comes from the API, and return its event; an event of an unknown type is an `oai.Object`.

    Give the payload as it came over the wire: text that was decoded and encoded again is not what was signed.

    Raises:
        InvalidWebhookSignatureError: it does not come from the API, or is not from now; it is a `ValueError`.
        ValueError: there is no secret, or the payload is not JSON.
    """
    verify_signature(client, payload, headers, secret=secret, tolerance=tolerance)
    try:
        return decode(resolve(EVENT), _bytes(payload))
    except msgspec.DecodeError as error:
        raise ValueError(f"the webhook is signed as it should be, but is not JSON: {error}") from None


def verify_signature(
    client: Any,
    payload: str | bytes,
    headers: HeadersLike,
    *,
    secret: str | Sequence[str] | None = None,
    tolerance: float = TOLERANCE,
) -> None:
    """Check that a webhook comes from the API, and within `tolerance` seconds of now.

    `secret` is the client's `webhook_secret` unless given; several may be given while one replaces another.

    Raises:
        InvalidWebhookSignatureError: it does not; it is a `ValueError`.
        ValueError: there is no secret.
    """
    keys = _keys(client.webhook_secret if secret is None else secret)
    fields = _fields(headers)
    _check_time(fields["webhook-timestamp"], tolerance)
    signed = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.".encode() + _bytes(payload)
    expected = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)) for key in keys]
    given = [each.removeprefix("v1,").encode() for each in fields["webhook-signature"].split()]
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in given]
    if not any(matches):
        raise InvalidWebhookSignatureError("the webhook's signature is not the one that its content should have")


def _bytes(payload: str | bytes) -> bytes:
    if isinstance(payload, str):
        return payload.encode()
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)
    raise TypeError(f"the payload is of type {type(payload).__name__}; it is the body of the request, text or bytes")


def _keys(secret: str | Sequence[str] | None) -> list[bytes]:
    """Return the keys that secrets stand for. An empty one is refused, since anybody could sign with it."""
    secrets = [secret] if isinstance(secret, str) else list(secret or ())
    if not secrets or not all(each.removeprefix(PREFIX).strip() for each in secrets):
        raise ValueError(
            "there is no webhook secret: pass secret, or webhook_secret to the client, or set OPENAI_WEBHOOK_SECRET"
        )
    return [_key(each.strip()) for each in secrets]


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        return secret.encode()
    text = secret.removeprefix(PREFIX)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise ValueError(f"the webhook secret begins with {PREFIX!r}, but what follows is not base64") from None


def _fields(headers: HeadersLike) -> dict[str, str]:
    """Return the three header fields that sign a webhook, by their names in lower case."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    there = {_text(name).lower(): _text(value) for name, value in pairs}
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        if not there.get(name):
            raise InvalidWebhookSignatureError(f"the request has no header {name!r}, which a webhook of the API has")
    return there


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _check_time(text: str, tolerance: float) -> None:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidWebhookSignatureError("the webhook's timestamp is not a number of seconds")
    age = time.time() - int(text)
    if abs(age) > tolerance:
        where = "old" if age > 0 else "new"
        raise InvalidWebhookSignatureError(f"the webhook's timestamp is too {where}: {abs(age):.0f} s away from now")
