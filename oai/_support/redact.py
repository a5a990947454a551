"""What counts as a secret, said once, for reprs, logs, errors and cassettes.

The functions at the top are on the path of every call and know names and forms only. `Redactor` is for what is
written down: it also knows the fields of the API's JSON that hold a secret, and the very secrets that were seen.
This module knows text and plain data, nothing of files or of HTTP beyond a URL and header fields.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from oai._support.plain_data import is_list, is_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

REDACTED = "[redacted]"

SECRET_HEADERS = frozenset(
    {
        "api-key",
        "authorization",
        "cookie",
        "openai-organization",
        "openai-project",
        "proxy-authorization",
        "set-cookie",
        "x-api-key",
    }
)
"""Header names, in lower case, whose values are never shown. `SECRET_NAME` catches those it does not list."""

NO_SECRET_HEADERS = frozenset({"idempotency-key", "sec-websocket-key", "x-idempotency-key"})
"""Header names, in lower case, whose values nobody has to keep, though `SECRET_NAME` would catch them."""

NAMES_ONLY = frozenset({"openai-organization", "openai-project"})
"""Secret headers whose values are identifiers: not shown, but not hunted for in paths and bodies either."""

CALLED = (
    r"(?:api[-_]?key|key|secret|(?:access|auth|bearer|id|refresh|session)?token|password|passwd|pwd|passphrase"
    r"|signature|sig|credentials?|auth|authorization|authentication|cookie)"
)
"""What the last word of a name is that holds a secret."""

SECRET_NAME = re.compile(rf"(?i)(^|[-_.]){CALLED}$")
"""Names of headers and query parameters that hold a secret by what they are called."""

SECRET_FIELDS = frozenset(
    {
        "access_token",
        "api_key",  # of a service account: an object whose `value` is the key
        "apikey",
        "authorization",  # of an MCP tool
        "bearer_token",
        "client_secret",  # of realtime and ChatKit sessions: text, or an object with the text as its `value`
        "domain_secrets",  # of a container's network policy: a list of objects with a `value`
        "id_token",
        "password",
        "private_key",
        "refresh_token",
        "secret",
        "secret_key",
        "session_token",
        "signing_secret",
        "webhook_secret",
    }
)
"""Fields of JSON, in lower case, that hold a secret. Not `key` and `token`: filters and logprobs have those."""

INNER_FIELDS = frozenset({"key", "secret", "token", "value"})
"""Fields that hold the secret where `SECRET_FIELDS` names an object."""

SECRET_TEXT = re.compile(
    r"\b(?:[ser]k[-_]|sess-)[A-Za-z0-9_-]{12,}|(?i:\bBearer\s+)[^\s\"',;]{8,}",
    re.ASCII,  # so that a key is one after any letter that no key has
)
"""Text that is a key by its own form, wherever it stands. (`sess_...` is the name of a session, not a key.)"""

LEAST_SECRET = 8
"""Shorter values of secret headers are placeholders, and too short to be told from other text."""

LEAST_LEARNED = 12
"""The same for the values of secret fields and parameters, which are more often plain words."""


def is_secret_header(name: str) -> bool:
    """Tell whether the values of a header of this name are never shown."""
    lowered = name.lower()
    return lowered in SECRET_HEADERS or (lowered not in NO_SECRET_HEADERS and SECRET_NAME.search(name) is not None)


def redact_headers(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the header fields with the secret values replaced."""
    fields = list(pairs)
    known = _known_to("", fields)
    return [
        (name, REDACTED if is_secret_header(name) else redact_text(_without(value, known))) for name, value in fields
    ]


def hide(text: str, url: str, headers: Iterable[tuple[str, str]]) -> str:
    """Return text without the credentials of a request, which are known by where they stand and need no form."""
    return _without(text, _known_to(url, headers))


def _known_to(url: str, headers: Iterable[tuple[str, str]]) -> list[str]:
    found = {secret for secret, least in _carried(url, headers) if len(secret) >= least}
    return sorted(found - {REDACTED}, key=len, reverse=True)  # of two that begin alike the longer first


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text


def _carried(url: str, headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, int]]:
    """Yield the credentials that a request carries, each with the length from which on it is one."""
    for name, value in headers:
        if is_secret_header(name) and name.lower() not in NAMES_ONLY:
            yield from ((secret, LEAST_SECRET) for secret in _credentials(value))
    parts = urlsplit(url)
    yield unquote(parts.password or ""), LEAST_SECRET
    yield from ((value, LEAST_LEARNED) for name, value in parse_qsl(parts.query) if SECRET_NAME.search(name))


def redact_text(text: str) -> str:
    """Return the text with everything that looks like a key replaced."""
    return SECRET_TEXT.sub(REDACTED, text)


def redact_url(url: str) -> str:
    """Return the URL without user information and with the values of secret query parameters replaced."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = "&".join(_redact_parameter(piece) for piece in parts.query.split("&")) if parts.query else ""
    return urlunsplit((parts.scheme, host, redact_text(parts.path), query, ""))


def _redact_parameter(piece: str) -> str:
    name, equals, value = piece.partition("=")
    return f"{name}{equals}{REDACTED if equals and SECRET_NAME.search(unquote(name)) else redact_text(value)}"


class Redactor:
    """Takes secrets out of what is to be written down, and finds those that would be written all the same.

    Beside what the tables name, it knows every secret that it was told of or has taken out before, and so finds
    the key of a request again in an answer that repeats it. What it has redacted it leaves as it is. Threads may
    share it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: frozenset[str] = frozenset()
        self._pattern = _pattern(())

    def learn(self, secret: str, least: int = LEAST_SECRET) -> None:
        """Take note of a secret, unless it is shorter than `least`."""
        if len(secret) >= least and secret not in self._known and REDACTED not in secret:
            with self._lock:
                self._known |= {secret}
                self._pattern = _pattern(self._known)

    def learn_request(self, url: str, headers: Iterable[tuple[str, str]]) -> None:
        """Take note of the credentials that a request carries in its headers, its URL and its query."""
        for secret, least in _carried(url, headers):
            self.learn(secret, least)

    def text(self, text: str) -> str:
        """Return the text without what is known to be a secret or looks like one."""
        return self._pattern.sub(_replacement, text)

    def spans(self, text: str) -> list[tuple[int, int, str]]:
        """Return start, end and replacement of each place that `text()` would change."""
        found = [(match.start(), match.end(), _replacement(match)) for match in self._pattern.finditer(text)]
        return [(start, end, new) for start, end, new in found if text[start:end] != new]

    def url(self, url: str) -> str:
        """Return the URL without user information and secret parameters."""
        return self.text(redact_url(url))

    def parameter(self, name: str, value: str) -> str:
        """Return the value of a query parameter, or that it was one."""
        return REDACTED if SECRET_NAME.search(name) and value else self.text(value)

    def field(self, name: str, value: str) -> str:
        """Return the text of a form's field, or that it was a secret: by the last name in `tools[0][authorization]`."""
        last = name.rstrip("]").rpartition("[")[2] or name
        return str(self._field(last, value, {}, inside=False))

    def json(self, value: Any, *, secret: bool = False) -> Any:
        """Return plain data with the secrets taken out of fields, texts and names."""
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
            return {key: self.json(each, secret=every or is_secret_header(key)) for key, each in item.items()}
        secret = lower in SECRET_FIELDS or (inside and lower in INNER_FIELDS)
        if lower == "value" and str(parent.get("object", "")).endswith("api_key"):
            secret = True
        return self.json(item, secret=secret)

    def leak(self, text: str) -> str:
        """Say which secret stands in a text that was redacted, in whatever spelling; nothing if none does."""
        for form, spelling in _spellings(text):
            if self.text(form) != form:
                known = any(secret in form for secret in self._known)
                return f"{'a secret of the request' if known else 'what looks like a key'}{spelling}"
        if any(code in text for secret in self._known for code in _encodings(secret)):
            return "a secret of the request in base64 or hexadecimal"
        return ""


def _pattern(known: Iterable[str]) -> re.Pattern[str]:
    """Compile what `Redactor` looks for: the known secrets in their spellings, then what looks like one."""
    names = "|".join(sorted(SECRET_FIELDS))
    inner = "|".join(sorted(INNER_FIELDS))
    parameter = rf"[?&](?:[\w.%-]*[-_.])?{CALLED}="
    # The value of a field, or of the first field that holds one in the object that is its value.
    holder = rf'(?i:"(?:{names})"\s*:\s*(?:\{{(?:[^{{}}]*,)?\s*"(?:{inner})"\s*:\s*)?")'
    pieces = [
        *(re.escape(each) for each in sorted(_variants(known), key=len, reverse=True)),
        SECRET_TEXT.pattern,
        r"(?<=_)(?:[ser]k[-_]|sess-)[A-Za-z0-9_-]{12,}",
        r"(?<![A-Za-z0-9])whsec_[A-Za-z0-9+/=_-]{12,}",
        r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",  # a JSON web token
        rf"(?P<parameter>(?i:{parameter}))[^&\s\"'<>#\\)]+",
        r"(?P<login>://[^\s/?#@:\"'<>\\]*:)[^\s/?#@\"'<>\\]{8,}(?=@)",  # the password of a URL
        rf'(?P<field>{holder})(?:[^"\\]|\\.)+',  # of JSON that is cut, or quoted within text
        rf'(?P<quoted>(?i:(?<!\\)\\+"(?:{names})\\+"\s*:\s*\\+"))[^"\\]+',  # of JSON within JSON within text
    ]
    return re.compile("|".join(pieces), re.ASCII)


def _replacement(match: re.Match[str]) -> str:
    return next((found for name in KEPT if (found := match[name])), "") + REDACTED


KEPT = ("parameter", "login", "field", "quoted")
"""The groups of the pattern that stand before a secret and stay."""


def _variants(known: Iterable[str]) -> set[str]:
    """Return secrets as text, within JSON, within a URL, and as the bytes of their UTF-8 read one by one."""
    found: set[str] = set()
    for secret in known:
        escaped = secret.replace("\\", "\\\\").replace('"', '\\"')
        found |= {secret, escaped, quote(secret, safe=""), secret.encode(errors="replace").decode("latin-1")}
    return found


def _spellings(text: str) -> Iterator[tuple[str, str]]:
    yield text, ""
    if "\\u" in text:
        yield re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), text), " in JSON escapes"
    if "%" in text:
        yield unquote(text), " in percent-encoding"


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
    """Yield what is secret in the value of a header: all of it, and what follows the scheme."""
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
