"""The exchange of a proof of identity for an access token of the API (RFC 8693)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from oai._auth.errors import OAuthError
from oai._errors import OpenAIError
from oai._flow.retry import retry_after
from oai._http.messages import Headers, Request, Timeout
from oai._http.response import Response
from oai._json.decode import parse_json
from oai._json.encode import encode
from oai._request.options import is_field_value

if TYPE_CHECKING:
    from collections.abc import Mapping

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"

TOKEN_TYPES: Final = {
    "jwt": "urn:ietf:params:oauth:token-type:jwt",
    "id": "urn:ietf:params:oauth:token-type:id_token",
}

SECONDS: Final = 10.0
"""Seconds for each wait of an exchange."""

REFUSED: Final = (400, 401, 403)


class TransientError(OpenAIError):
    """An exchange that failed, and that may succeed a little later."""

    after: float | None = None
    """Seconds that the server asks for."""


class AccessToken(NamedTuple):
    """A token of the API, and for how many seconds it is valid."""

    text: str
    expires_in: float

    def __repr__(self) -> str:
        return f"<AccessToken for {self.expires_in} s>"


def exchange_request(url: str, identity: Mapping[str, Any], timeout: Timeout | None = None, **subject: str) -> Request:
    """Return the request for an access token.

    Args:
        url: the endpoint.
        identity: the workload identity.
        timeout: the limits of the call that needs the token, which are lowered to those of an exchange.
        **subject: the fields about the subject token.
    """
    body = {
        "grant_type": GRANT_TYPE,
        **subject,
        "identity_provider_id": identity["identity_provider_id"],
        "service_account_id": identity["service_account_id"],
    }
    headers = [("Accept", "application/json"), ("Content-Type", "application/json")]
    call = timeout or Timeout(SECONDS)
    phases = (call.connect, call.read, call.write, call.pool)
    connect, read, write, pool = (SECONDS if limit is None else min(limit, SECONDS) for limit in phases)
    limits = Timeout(None, connect=connect, read=read, write=write, pool=pool, total=call.total)
    return Request("POST", url, headers, encode(body), timeout=limits)


def read_token(request: Request, status: int, headers: Headers, content: bytes, secrets: list[str]) -> AccessToken:
    """Return the token of a response.

    Args:
        request: the request, whose body no error may show.
        status: the status of the response.
        headers: its header fields.
        content: its body.
        secrets: texts that no error may show.

    Raises:
        OAuthError: the exchange was refused.
        TransientError: it failed, and may succeed a little later.
        OpenAIError: it failed, or the response has no token.
    """
    without_body = Request(request.method, request.url, request.headers)
    response = Response(status, headers, without_body, content, credentials=secrets)
    try:
        body = parse_json(content) if content else None
    except ValueError:
        body = None
    if status in REFUSED:
        known = {name: value for name, value in body.items() if name in KNOWN} if isinstance(body, dict) else None
        response.content = b""  # a server may repeat the subject token in it
        raise OAuthError(response=response, body=known)
    if not 200 <= status < 300:
        if status not in (408, 409, 429) and status < 500:
            raise OpenAIError(f"The token exchange failed with status {status}")
        error = TransientError(f"The token exchange failed with status {status}")
        error.after = retry_after(headers)
        raise error
    if not isinstance(body, dict):
        raise OpenAIError("The response of the token exchange is not a JSON object")
    return _token(body)


KNOWN: Final = ("error", "error_description", "error_uri")
"""The fields of an error (RFC 6749, section 5.2)."""


def _token(body: dict[str, Any]) -> AccessToken:
    text, seconds, kind = body.get("access_token"), body.get("expires_in"), body.get("token_type", "bearer")
    if not isinstance(text, str) or not text or not is_field_value(text):
        raise OpenAIError("The response of the token exchange has no valid access_token")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not math.isfinite(seconds) or seconds <= 0:
        raise OpenAIError("The response of the token exchange has no valid expires_in")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise OpenAIError("The token of the exchange is not a bearer token")
    return AccessToken(text, float(seconds))
