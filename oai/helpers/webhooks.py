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
from typing import Any, Protocol

import msgspec

from oai._errors import InvalidWebhookSignatureError
from oai._json.decode import decode
from oai._table.type_expressions import resolve

TOLERANCE = 300
"""Seconds by which a webhook's timestamp may differ from now, in either direction."""

PREFIX = b"whsec_"

FIELDS = ("webhook-id", "webhook-timestamp", "webhook-signature")
"""The header fields that sign a webhook (Standard Webhooks)."""

Secret = str | bytes


class HasGet(Protocol):
    """Headers that can only be looked up by name."""

    def get(self, name: str, /) -> Any:
        """Return the value of a field, `None` if there is none."""


HeadersLike = Mapping[str, Any] | Iterable[tuple[str | bytes, str | bytes]] | HasGet
"""A request's headers: a mapping, WSGI's environment too, pairs of text or (ASGI) bytes, or any object with `get`."""

EVENT = "webhooks.UnwrapWebhookEvent"


def unwrap(
    client: Any,
    payload: str | bytes,
    headers: HeadersLike,
    *,
    secret: Secret | Sequence[Secret] | None = None,
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
    secret: Secret | Sequence[Secret] | None = None,
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
    # Text that a server made of undecodable bytes has surrogates, which are not UTF-8: then nothing matches.
    signed = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.".encode(errors="replace") + _bytes(payload)
    expected = [base64.b64encode(hmac.digest(key, signed, hashlib.sha256)) for key in keys]
    # Encoded, because `compare_digest` raises `TypeError` for text that is not ASCII.
    signatures = fields["webhook-signature"].encode(errors="replace").split()
    # A list, not a generator: all pairs are compared, so that the time taken does not tell which secret is in use.
    matches = [hmac.compare_digest(ours, each.removeprefix(b"v1,")) for ours in expected for each in signatures]
    if not any(matches):
        raise InvalidWebhookSignatureError("the webhook's signature does not match its content")


def _bytes(payload: str | bytes) -> bytes:
    if isinstance(payload, str):
        try:
            return payload.encode(errors="surrogateescape")  # as servers decode bytes that are not UTF-8
        except UnicodeEncodeError as error:
            raise InvalidWebhookSignatureError(f"the webhook's payload is not text of a request: {error}") from None
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)
    raise TypeError(f"the payload must be the body of the request, str or bytes, not {type(payload).__name__}")


def _keys(secret: Secret | Sequence[Secret] | None) -> list[bytes]:
    """Return the keys of secrets. An empty secret is refused, because anybody could sign with it."""
    secrets = [secret] if isinstance(secret, (str, bytes, bytearray)) else list(secret or ())
    keys = [_key(each) for each in secrets]
    if not keys or not all(keys):
        raise ValueError(
            "there is no webhook secret: pass secret, or webhook_secret to the client, or set OPENAI_WEBHOOK_SECRET"
        )
    return keys


def _key(secret: Secret) -> bytes:
    """Return the key of a secret: its base64 if it has the API's prefix, else the secret itself."""
    if not isinstance(secret, (str, bytes, bytearray)):  # bytes are what secret managers return
        raise TypeError(f"the webhook secret must be str or bytes, not {type(secret).__name__}")
    key = (secret.encode() if isinstance(secret, str) else bytes(secret)).strip()
    if not key.startswith(PREFIX):
        return key
    text = key.removeprefix(PREFIX).strip()
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise ValueError(f"invalid webhook secret: the part after {PREFIX.decode()!r} is not base64") from None


def _fields(headers: HeadersLike) -> dict[str, str]:
    """Return the three header fields that sign a webhook, by their names in lower case."""
    try:
        fields = _read(headers)
    except Exception as error:  # whatever an object in place of headers raises, the webhook is unverified
        message = f"cannot read the headers from {type(headers).__name__}: pass a mapping, or pairs of name and value"
        raise InvalidWebhookSignatureError(message) from error
    for name in FIELDS:
        if not fields.get(name):
            raise InvalidWebhookSignatureError(f"the request has no header {name!r}, which a webhook must have")
    return fields


def _read(headers: Any) -> dict[str, str]:
    """Read header fields from the objects that web frameworks have.

    `items` comes first: what `email.message.Message` (the standard library's servers) yields are names, and what
    werkzeug's headers yield are pairs. An object may also have nothing but `get`.
    """
    if callable(items := getattr(headers, "items", None)):
        pairs = items()
    elif callable(get := getattr(headers, "get", None)):
        pairs = [(name, get(name) or get(name.title())) for name in FIELDS]
    else:
        pairs = headers
    named = ((_name(name), value) for name, value in pairs)
    return {name: _value(value) for name, value in named if name in FIELDS and value is not None}


def _name(name: Any) -> str:
    """Return the name of a field in lower case; WSGI's `HTTP_WEBHOOK_ID` is `webhook-id`."""
    return _value(name).lower().replace("_", "-").removeprefix("http-")


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):  # fields that may occur several times, such as AWS's `multiValueHeaders`
        value = value[-1] if value else ""
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _check_time(text: str, tolerance: float) -> None:
    if not (isinstance(tolerance, (int, float)) and tolerance >= 0):  # no timestamp is outside of NaN
        raise ValueError(f"tolerance must be a non-negative number of seconds, not {tolerance!r}")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise InvalidWebhookSignatureError("the webhook's timestamp is not a whole number of seconds")
    age = int(time.time()) - int(text)  # both in whole seconds: with a tolerance of 0 the current second is accepted
    if abs(age) > tolerance:
        side = "old" if age > 0 else "new"
        raise InvalidWebhookSignatureError(f"the webhook's timestamp is too {side}: {abs(age)} s from now")
