"""The dialects of clients with a workload identity, and `WorkloadIdentityAuth`."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from oai._auth.access_tokens import AccessTokens
from oai._auth.exchange import TOKEN_TYPES, AccessToken, exchange_request, read_token
from oai._auth.subject_tokens import LONGEST, WorkloadIdentity
from oai._errors import OpenAIError
from oai._flow.drivers import ASYNC_IO, SYNC_IO, ClientIO, Effect, drive, drive_async, read_within
from oai._request.dialect import Dialect

if TYPE_CHECKING:
    from oai._http.messages import Request

EXCHANGE_URL: Final = "https://auth.openai.com/oauth/token"

FIELDS: Final = ("identity_provider_id", "service_account_id")


class WorkloadIdentityAuth:
    """Access tokens in exchange for subject tokens: cached, renewed before they expire, once for many callers.

    Args:
        workload_identity: the identity.
        token_exchange_url: the endpoint.
    """

    def __init__(self, *, workload_identity: WorkloadIdentity, token_exchange_url: str = EXCHANGE_URL) -> None:
        self.workload_identity = workload_identity
        self.token_exchange_url = token_exchange_url
        self._tokens = AccessTokens(workload_identity.get("refresh_buffer_seconds"))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} for {self.workload_identity['service_account_id']}>"

    def get_token(self) -> str:
        """Return a valid access token.

        Raises:
            OAuthError, SubjectTokenProviderError, OpenAIError: there is none.
            TransportError: the endpoint cannot be reached.
        """
        token: str = drive(self.token(SYNC_IO))
        return token

    async def get_token_async(self) -> str:
        """Return a valid access token without blocking the event loop, see `get_token`."""
        token: str = await drive_async(self.token(ASYNC_IO))
        return token

    def invalidate_token(self, token: str | None = None) -> None:
        """Forget a token, by default the current one."""
        self._tokens.discard(token or self._tokens.valid() or "")

    def token(self, io: ClientIO) -> Generator[Effect, Any, str]:
        """Return a valid access token, by effects of `_flow.drivers`."""

        def exchange() -> Generator[Effect, Any, AccessToken]:
            token: AccessToken = yield io.run, self._exchange  # in a thread of async clients: files block
            return token

        return self._tokens.get(exchange, io)

    def _exchange(self) -> AccessToken:
        """Exchange a new subject token over a separate transport, so that no recording of the client contains it."""
        provider = self.workload_identity["provider"]
        subject = provider["get_token"]()
        if not isinstance(subject, str) or not subject:
            raise OpenAIError("the provider of workload_identity returned no subject token")
        from oai.transports.http import HTTPTransport

        request = exchange_request(
            self.token_exchange_url,
            self.workload_identity,
            subject_token=subject,
            subject_token_type=TOKEN_TYPES[provider["token_type"]],
        )
        transport = HTTPTransport()
        try:
            reply = transport.send(request)
            content = read_within(reply, LONGEST)
        finally:
            transport.close()
        return read_token(request, reply.status, reply.headers, content, [subject])


class IdentityDialect(Dialect):
    """The dialect of a client with a workload identity: that of the API, with an access token in place of the key."""

    needs_key = False
    signs = True
    unread = ("api_key",)

    def __init__(self, auth: Any) -> None:
        self.auth = auth

    def sign(self, request: Request, transport: Any, io: ClientIO) -> Generator[Effect, Any, bool]:
        """Add the access token, unless the request has a key of its own or needs none."""
        if request.operation is not None and getattr(request.operation.row, "auth", "key") == "none":
            return False
        if any(name.lower() == "authorization" for name, _ in request.headers):
            return False
        token = yield from self.token(request, transport, io)
        request.headers.append(("Authorization", f"Bearer {token}"))
        return True

    def token(self, request: Request, transport: Any, io: ClientIO) -> Generator[Effect, Any, str]:  # noqa: ARG002
        """Return the access token for a request."""
        token: str = yield from self.auth.token(io)
        return token

    def renew(self, request: Request) -> bool:
        """Remove and forget the rejected token; another attempt gets a new one."""
        name, value = request.headers.pop()
        self.auth.invalidate_token(value.removeprefix("Bearer "))
        return name == "Authorization"

    def pickled(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options for a pickle, without tokens: the identity is configured again where it is unpickled."""
        return {name: value for name, value in options.items() if name not in ("dialect", "api_key")}


def origin(url: str) -> tuple[str | None, int]:
    """Return host and port of an https URL."""
    parts = urlsplit(url)
    return parts.hostname, parts.port or 443
