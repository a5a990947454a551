"""Remove secrets from reprs, logs, errors and cassettes.

The functions at the top serve errors and logs: they know one request's credentials, and names and forms of secrets.
`Redactor` serves recordings: it also remembers every secret that it has met. `secret_forms` holds the rules.
This module knows text and plain data, nothing of files or of HTTP beyond a URL and header fields.
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from oai._support.known_texts import KnownTexts
from oai._support.plain_data import is_list, is_object
from oai._support.secret_forms import (
    CONTAINER,
    HOLDERS,
    IDENTIFIERS,
    INNER_FIELDS,
    KEPT,
    KEY,
    LABELS,
    PUBLIC_HEADERS,
    SECRET_FIELD,
    SECRET_HEADERS,
    SECRET_PARAMETER,
)
from oai._support.unicode_text import decode_unicode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REDACTED = "[redacted]"

LEAST_SECRET = 8
"""Shorter values of secret headers are placeholders, and too short to be distinguished from other text."""

LEAST_LEARNED = 12
"""The same for the values of secret fields and parameters, which are more often plain words."""


def is_secret_header(name: str) -> bool:
    """Return whether the values of a header of this name are never shown."""
    lowered = name.lower()
    return lowered in SECRET_HEADERS or (lowered not in PUBLIC_HEADERS and SECRET_PARAMETER.search(name) is not None)


def is_secret_field(name: str) -> bool:
    """Return whether a JSON field or a form field of this name holds a secret, in any case and with any separator."""
    return SECRET_FIELD.search(name) is not None


def redact_headers(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the header fields with the secret values replaced."""
    fields = list(pairs)
    secrets = credentials_of("", fields)
    return [
        (name, REDACTED if is_secret_header(name) else redact_text(_without(value, secrets))) for name, value in fields
    ]


def hide(value: Any, secrets: list[str]) -> Any:
    """Return text, bytes, or plain data of these, without secrets of whatever form.

    Args:
        value: the value.
        secrets: the secrets, see `credentials_of`.
    """
    if not secrets:
        return value
    try:
        return _hide(value, secrets)
    except RecursionError:  # a server may nest data as deeply as the decoder allows
        return REDACTED


def _hide(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, str):
        return _without(value, secrets)
    if isinstance(value, bytes):
        for secret in secrets:
            value = value.replace(secret.encode(errors="replace"), REDACTED.encode())
        return value
    if isinstance(value, (list, tuple)):
        return type(value)(_hide(item, secrets) for item in value)
    return {_hide(key, secrets): _hide(item, secrets) for key, item in value.items()} if is_object(value) else value


def credentials_of(url: str, headers: Iterable[tuple[str, str]]) -> list[str]:
    """Return the credentials of a request, which are known by where they stand, in all spellings, the longest first."""
    secrets = {secret for secret, least in _carried(url, headers) if len(secret) >= least}
    # Of two that begin alike the longer comes first, so that none leaves its rest behind.
    return sorted(_variants(secrets - {REDACTED}), key=len, reverse=True)


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text


def _carried(url: str, headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, int]]:
    """Yield the credentials that a request carries, each with the least length at which it counts as one."""
    for name, value in headers:
        if is_secret_header(name) and name.lower() not in IDENTIFIERS:
            yield from ((secret, LEAST_SECRET) for secret in _credentials(value))
    parts = urlsplit(url)
    yield unquote(parts.password or ""), LEAST_SECRET
    yield from ((value, LEAST_LEARNED) for name, value in parse_qsl(parts.query) if SECRET_PARAMETER.search(name))


def redact_text(text: str) -> str:
    """Return the text with everything replaced that looks like a key, or that a name marks as a secret."""
    return _pattern(frozenset()).sub(_replacement, text)


def redact_url(url: str) -> str:
    """Return the URL without user information and with the values of secret query parameters replaced."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = "&".join(_redact_parameter(piece) for piece in parts.query.split("&")) if parts.query else ""
    return urlunsplit((parts.scheme, host, redact_text(parts.path), query, ""))


def _redact_parameter(piece: str) -> str:
    name, equals, value = piece.partition("=")
    return f"{name}{equals}{REDACTED if equals and SECRET_PARAMETER.search(unquote(name)) else redact_text(value)}"


class Redactor:
    """Removes secrets from what is about to be recorded, and finds those that are left.

    It knows the rules of `secret_forms`, and every secret that it has learned or removed before: so it finds a
    request's key again in a response that repeats it. Redacted text is left as it is. Threads may share a redactor.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._learned: set[str] = set()
        self._spellings = KnownTexts()
        self._encodings = KnownTexts()

    def learn(self, secret: str, least: int = LEAST_SECRET) -> None:
        """Remember a secret, unless it is shorter than `least`."""
        if len(secret) >= least and secret not in self._learned and REDACTED not in secret:
            with self._lock:
                self._spellings.add(_variants([secret]))
                self._encodings.add(_encodings(secret))
                self._learned.add(secret)

    def learn_request(self, url: str, headers: Iterable[tuple[str, str]]) -> None:
        """Remember the credentials that a request carries in its headers, its URL and its query."""
        for secret, least in _carried(url, headers):
            self.learn(secret, least)

    def text(self, text: str) -> str:
        """Return the text without learned secrets and what looks like one."""
        return self._pattern(text).sub(_replacement, text)

    def bytes(self, content: bytes) -> bytes:
        """Return content without secrets: text in its own encoding, UTF-16 and UTF-32 included; JSON by its fields."""
        text, mark, encoding = decode_unicode(content)
        if text is None:
            # Read as Latin-1, every byte is a character.
            return self.text(content.decode("latin-1")).encode("latin-1")
        return mark + self._document(text).encode(encoding)

    def _document(self, text: str) -> str:
        import json  # only a recording needs it

        try:
            value = json.loads(text)
            redacted = self.json(value)
        except (ValueError, RecursionError):
            return self.text(text)
        return self.text(text) if redacted == value else json.dumps(redacted, ensure_ascii=False)

    def spans(self, text: str) -> list[tuple[int, int, str]]:
        """Return start, end and replacement of each place that `text()` would change."""
        matches = self._pattern(text).finditer(text)
        spans = [(match.start(), match.end(), _replacement(match)) for match in matches]
        return [(start, end, new) for start, end, new in spans if text[start:end] != new]

    def url(self, url: str) -> str:
        """Return the URL without user information and secret parameters."""
        return self.text(redact_url(url))

    def parameter(self, name: str, value: str) -> str:
        """Return the value of a query parameter, or the placeholder if it is a secret."""
        return REDACTED if SECRET_PARAMETER.search(name) and value else self.text(value)

    def field(self, name: str, value: str) -> str:
        """Return the text of a form field, or the placeholder: the last name in `tools[0][authorization]` decides."""
        last = name.rstrip("]").rpartition("[")[2] or name
        return str(self._field(last, value, {}, inside=False))

    def json(self, value: Any, *, secret: bool = False) -> Any:
        """Return plain data with the secrets removed from fields, texts and names."""
        if isinstance(value, str):
            if not secret or not value:
                return self.text(value)
            self.learn(value, LEAST_LEARNED)
            return REDACTED
        if is_list(value):
            return [self.json(item, secret=secret) for item in value]
        if is_object(value):
            return {self.text(name): self._field(name, item, value, inside=secret) for name, item in value.items()}
        return value

    def _field(self, name: str, item: Any, parent: dict[str, Any], *, inside: bool) -> Any:
        lower = name.lower()
        if lower == "headers" and is_object(item):
            every = _is_mcp(parent)
            return {key: self.json(inner, secret=every or is_secret_header(key)) for key, inner in item.items()}
        if is_object(item) and CONTAINER.search(name):
            return {self.text(key): self.json(inner, secret=key.lower() not in LABELS) for key, inner in item.items()}
        secret = is_secret_field(name) or (inside and lower in INNER_FIELDS)
        if lower == "value" and str(parent.get("object", "")).endswith("api_key"):
            secret = True
        return self.json(item, secret=secret)

    def leak(self, text: str) -> str:
        """Describe the secret that stands in a redacted text, in whatever spelling; empty if there is none."""
        for form, spelling in _spellings(text):
            if self.text(form) != form:
                learned = bool(self._spellings.within(form))
                return f"{'a secret of the request' if learned else 'what looks like a key'}{spelling}"
        return "a secret of the request in base64 or hexadecimal" if self._encodings.within(text) else ""

    def _pattern(self, text: str) -> re.Pattern[str]:
        return _pattern(self._spellings.within(text))


@lru_cache(maxsize=64)
def _pattern(learned: frozenset[str]) -> re.Pattern[str]:
    """Compile what to look for: spellings of learned secrets, the longest first, then what looks like a secret."""
    learned_forms = (re.escape(form) for form in sorted(learned, key=len, reverse=True))
    return re.compile("|".join((*learned_forms, HOLDERS, KEY)), re.ASCII)


def _replacement(match: re.Match[str]) -> str:
    return next((before for name in KEPT if (before := match[name])), "") + REDACTED


def _variants(secrets: Iterable[str]) -> set[str]:
    """Return secrets as text, within JSON, within a URL, and as the bytes of their UTF-8 read one by one."""
    forms: set[str] = set()
    for secret in secrets:
        escaped = secret.replace("\\", "\\\\").replace('"', '\\"')
        forms |= {secret, escaped, quote(secret, safe=""), secret.encode(errors="replace").decode("latin-1")}
    return forms


def _spellings(text: str) -> Iterator[tuple[str, str]]:
    yield text, ""
    if "\\u" in text:
        yield re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text), " in JSON escapes"
    if "%" in text:
        yield unquote(text), " in percent-encoding"
    if "+" in text:
        yield unquote(text.replace("+", " ")), " in a form's encoding"


def _encodings(secret: str) -> Iterator[str]:
    """Yield what base64 (at each of its three alignments) and hexadecimal make of a secret."""
    import base64  # only a recording needs it

    raw = secret.encode(errors="replace")
    for offset in range(3):
        whole = base64.b64encode(bytes(offset) + raw)
        inner = whole[(0, 2, 3)[offset] : (offset + len(raw)) * 8 // 6].decode()
        yield inner
        yield inner.translate({ord("+"): "-", ord("/"): "_"})
    yield raw.hex()
    yield raw.hex().upper()


def _credentials(value: str) -> Iterator[str]:
    """Yield the secrets in the value of a header: all of it, and the part after the scheme."""
    yield value
    scheme, _, rest = value.partition(" ")
    yield rest.strip()
    if scheme.lower() == "basic":
        import base64
        import binascii

        try:
            yield base64.b64decode(rest, validate=True).decode(errors="replace").partition(":")[2]
        except binascii.Error:
            return


def _is_mcp(parent: dict[str, Any]) -> bool:
    return parent.get("type") == "mcp" or "server_url" in parent or "server_label" in parent
