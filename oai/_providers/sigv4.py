"""Sign requests to AWS with botocore (signature version 4), the extra `oai[bedrock]`."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from oai._errors import OpenAIError
from oai._providers.service import NO_CREDENTIALS, ServiceDialect, Signing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from oai._flow.drivers import ClientIO
    from oai._http.messages import Body, Pairs, Request

SIGNED: Final = frozenset({"authorization", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"})
"""The header fields that signing adds."""

FAILED: Final = "AWS credentials for Bedrock could not be found: check the profile, the environment and the identity"

MISSING: Final = "AWS credentials need an extra: pip install 'oai[bedrock]'"


class Signer:
    """The credentials of a client, and what they sign for.

    Args:
        service: the name of the service in signatures.
        region: the region; `None` for that of the profile.
        aws: the arguments of `bedrock` that are about AWS credentials.
    """

    def __init__(self, service: str, region: str | None, aws: Mapping[str, Any]) -> None:
        self.service = service
        self._aws = aws
        self._session: Any = None
        self.region = region or self._profile_region()

    def _profile_region(self) -> str | None:
        """Return the region of the profile; botocore also reads the environment."""
        try:
            region: str | None = self._open_session().get_config_variable("region")
        except OpenAIError:
            raise
        except Exception as error:
            raise OpenAIError(FAILED) from error
        return region.strip() or None if region else None

    def _open_session(self) -> Any:
        """Return the session of botocore, which caches credentials and refreshes them."""
        if self._session is None:
            try:
                from botocore.session import Session
            except ImportError:
                raise OpenAIError(MISSING) from None
            self._session = Session(profile=self._aws["profile"])
        return self._session

    def _credentials(self) -> Any:
        session = self._open_session()
        if self._aws["credential_provider"] is not None:
            return self._aws["credential_provider"]()
        if self._aws["access_key_id"] is None:
            return session.get_credentials()
        from botocore.credentials import Credentials

        return Credentials(self._aws["access_key_id"], self._aws["secret_access_key"], self._aws["session_token"])

    def sign(self, method: str, url: str, headers: Pairs, body: bytes | Body | None) -> Pairs:
        """Return the header fields that sign a request. Credentials may be fetched or refreshed, which blocks.

        Raises:
            OpenAIError: the extra is missing, or there are no credentials.
        """
        try:
            credentials = self._credentials()
            frozen = getattr(credentials, "get_frozen_credentials", None)
            credentials = frozen() if callable(frozen) else credentials
            return [] if credentials is None else self._sign(credentials, method, url, headers, _digest(body))
        except OpenAIError:
            raise
        except Exception as error:
            raise OpenAIError(FAILED) from error

    def _sign(self, credentials: Any, method: str, url: str, headers: Pairs, digest: str) -> Pairs:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        own = {**{name: value for name, value in headers if name.lower() not in SIGNED}, "X-Amz-Content-SHA256": digest}
        request = AWSRequest(method=method, url=url, headers=own)
        SigV4Auth(credentials, self.service, self.region).add_auth(request)
        return [(name, value) for name, value in request.headers.items() if name.lower() in SIGNED]


def _digest(body: bytes | Body | Iterable[bytes] | None) -> str:
    """Return the hash of a body, which is read in pieces: each iteration of it starts at its beginning."""
    digest = sha256()
    for piece in (body,) if isinstance(body, bytes) else body or ():
        digest.update(piece)
    return digest.hexdigest()


class SigV4(ServiceDialect):
    """The dialect of Bedrock with AWS credentials. A redirect is not followed: it would need another signature."""

    follows_redirects = False

    def __init__(self, base_url: str, signer: Signer) -> None:
        super().__init__("Bedrock", base_url)
        self._signer = signer

    def sign(self, request: Request, transport: Any, io: ClientIO) -> Signing:  # noqa: ARG002 - of all dialects
        """Sign the request of this attempt."""
        self.check(request)
        headers = [(name, value) for name, value in request.headers if name.lower() not in SIGNED]
        added = yield io.run, self._signer.sign, request.method, request.url, headers, request.body
        if not added:
            raise OpenAIError(NO_CREDENTIALS)
        request.headers[:] = [*headers, *added]
        return True
