"""Workload identities that a client certificate proves: mutual TLS with the token endpoint and with the API.

The caller's transport has the certificate; nothing here reads certificates or keys.
"""

from __future__ import annotations

import math
import re
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from oai._auth.access_tokens import AccessTokens
from oai._auth.exchange import AccessToken, TransientError, exchange_request, read_token
from oai._auth.identities import FIELDS, IdentityDialect, origin
from oai._auth.subject_tokens import LONGEST
from oai._errors import OpenAIError
from oai._flow.retry import retry_delay
from oai._http.messages import TransportError
from oai._request.options import environment

if TYPE_CHECKING:
    from oai._flow.drivers import ClientIO, Effect
    from oai._http.messages import Request

EXCHANGE_URL: Final = "https://mtls.auth.openai.com/oauth/token"

SUBJECT_TYPE: Final = "urn:openai:params:oauth:token-type:x509"

BASE_URLS: Final = {
    "global": "https://mtls.api.openai.com/v1",
    "us": "https://mtls-us.api.openai.com/v1",
    "eu": "https://mtls-eu.api.openai.com/v1",
}

BEARER: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""A bearer token (RFC 6750, section 2.1)."""

EXCLUDED: Final = frozenset({"api-key", "x-api-key", "proxy-authorization"})

MOST_RETRIES: Final = 2


def configure_x509(identity: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a client of such an identity.

    Raises:
        OpenAIError: the identity or the URL is invalid.
    """
    _check(identity)
    residency = options.pop("data_residency", None)
    if residency is not None:
        if options.get("base_url") is not None:
            raise OpenAIError("data_residency and base_url exclude each other: pass one")
        if residency not in BASE_URLS:
            choices = ", ".join(BASE_URLS)
            raise OpenAIError(f"data_residency must be one of {choices} with a client certificate, not {residency!r}")
    base_url = str(options.get("base_url") or BASE_URLS.get(residency or "") or "")
    base_url = base_url or environment("OPENAI_BASE_URL") or BASE_URLS["global"]
    parts = urlsplit(base_url)
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        from oai._support.redact import redact_url  # compiles regular expressions

        raise OpenAIError(
            "with a client certificate, base_url must be an https URL without a user and a password, "
            f"not {redact_url(base_url)!r}"
        )
    dialect = X509Dialect(X509Auth(identity, options.get("max_retries", MOST_RETRIES)), base_url)
    return {**options, "base_url": base_url, "dialect": dialect}


def _check(identity: dict[str, Any]) -> None:
    if unknown := set(identity) - {"type", "refresh_buffer_seconds", *FIELDS}:
        valid = ", ".join(("type", *FIELDS, "refresh_buffer_seconds"))
        raise OpenAIError(f"a workload_identity of the type 'x509' has {valid}, not {', '.join(sorted(unknown))}")
    for name in FIELDS:
        if not isinstance(identity.get(name), str) or not identity[name]:
            raise OpenAIError(f"workload_identity needs {name}")
    buffer = identity.get("refresh_buffer_seconds", 0)
    if isinstance(buffer, bool) or not isinstance(buffer, (int, float)) or not math.isfinite(buffer) or buffer < 0:
        raise OpenAIError(f"refresh_buffer_seconds must be a non-negative number of seconds, not {buffer!r}")


class X509Auth:
    """Access tokens in exchange for the certificate of the transport.

    Args:
        identity: the identity.
        max_retries: how often an exchange is repeated, at most twice.
    """

    def __init__(self, identity: dict[str, Any], max_retries: int) -> None:
        self.workload_identity = identity
        self._retries = min(max_retries, MOST_RETRIES) if isinstance(max_retries, int) else MOST_RETRIES
        self._tokens = AccessTokens(identity.get("refresh_buffer_seconds"))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} for {self.workload_identity['service_account_id']}>"

    def invalidate_token(self, token: str) -> None:
        """Forget a token that the server has rejected."""
        self._tokens.discard(token)

    def token(self, request: Request, transport: Any, io: ClientIO) -> Generator[Effect, Any, str]:
        """Return a valid access token, by effects of `_flow.drivers`."""
        return self._tokens.get(lambda: self._exchange(request, transport, io), io)

    def _exchange(self, request: Request, transport: Any, io: ClientIO) -> Generator[Effect, Any, AccessToken]:
        for number in range(self._retries + 1):
            try:
                return (yield from self._exchange_once(request, transport, io))
            except (TransportError, TransientError) as error:
                if number == self._retries:
                    raise
                after = getattr(error, "after", None)
            yield io.sleep, retry_delay(number, after)
        raise AssertionError

    def _exchange_once(self, request: Request, transport: Any, io: ClientIO) -> Generator[Effect, Any, AccessToken]:
        own = exchange_request(EXCHANGE_URL, self.workload_identity, request.timeout, subject_token_type=SUBJECT_TYPE)
        reply = yield transport.send, own
        content = yield io.read_limited, reply, LONGEST
        token = read_token(own, reply.status, reply.headers, content, [])
        if BEARER.fullmatch(token.text) is None:
            raise OpenAIError("The response of the token exchange has no valid access_token")
        return token


class X509Dialect(IdentityDialect):
    """The dialect of a client whose certificate proves its identity. Redirects are not followed."""

    follows_redirects = False

    def __init__(self, auth: X509Auth, base_url: str) -> None:
        super().__init__(auth)
        self._origin = origin(base_url)

    def token(self, request: Request, transport: Any, io: ClientIO) -> Generator[Effect, Any, str]:
        """Return the access token for a request to the API's own origin, and to no other.

        Raises:
            OpenAIError: the request is for another origin, or has credentials of another kind.
        """
        if not request.url.startswith("https:") or origin(request.url) != self._origin:
            raise OpenAIError("tokens of a client certificate are only sent to the configured base_url")
        for name, value in request.headers:
            if name.lower().replace("_", "-") in EXCLUDED:
                raise OpenAIError(f"a client with a certificate takes no other credentials: remove the header {name}")
            if name.lower() == "host" and origin(f"https://{value}") != self._origin:
                raise OpenAIError("the header Host must name the host of base_url")
        token: str = yield from self.auth.token(request, transport, io)
        return token

    def environment_headers(self) -> dict[str, str]:
        """Return those of the environment without credentials, which would take the place of the token."""
        return {name: value for name, value in super().environment_headers().items() if name.lower() != "authorization"}

    def socket_query(self, path: str, query: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Refuse: WebSockets are not opened with the certificate of the transport."""
        raise OpenAIError("a client certificate is not supported by WebSocket connections")
