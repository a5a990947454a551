"""Amazon Bedrock: the endpoints of the Mantle and the Runtime service, with a bearer token or signature version 4.

Names, arguments and conditions are those of the official SDK's `providers.bedrock`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit, urlunsplit

from oai._errors import OpenAIError
from oai._providers.service import NO_CREDENTIALS, ServiceDialect, ServiceProvider, Signing, resolved_token
from oai._request.options import check_key
from oai._support.omit import Omit, omit

if TYPE_CHECKING:
    from oai._flow.drivers import ClientIO
    from oai._http.messages import Request
    from oai._request.dialect import Dialect

BedrockEndpoint = Literal["mantle", "runtime"]

BedrockTokenProvider = Callable[[], "str | Awaitable[str]"]

AwsCredentialsProvider = Callable[[], object]

REGION: Final = re.compile(r"[a-z]{2,8}(?:-[a-z0-9]+)+-\d+")

SUFFIXES: Final = (
    ("cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    ("eusc-", "amazonaws.eu", "api.amazonwebservices.eu"),
    ("us-iso-", "c2s.ic.gov", "api.aws.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov", "api.aws.scloud"),
    ("eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    ("us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    ("", "amazonaws.com", "api.aws"),
)
"""By the beginning of a region: the DNS suffix of its partition, and that of its dual-stack hosts."""

SECRETS: Final = frozenset({"api_key", "access_key_id", "secret_access_key", "session_token"})

NO_REGION: Final = "Bedrock needs a region: pass region to bedrock(...), or set AWS_REGION or AWS_DEFAULT_REGION"

AMBIGUOUS: Final = (
    "Bedrock takes one kind of credentials: a bearer token (api_key or token_provider), static AWS credentials, "
    "a profile, or a credential_provider; these exclude each other: "
)


def bedrock(
    *,
    endpoint: BedrockEndpoint | None = None,
    region: str | None = None,
    base_url: str | Omit | None = omit,
    api_key: str | Omit | None = omit,
    token_provider: BedrockTokenProvider | None = None,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    session_token: str | None = None,
    profile: str | None = None,
    credential_provider: AwsCredentialsProvider | None = None,
) -> ServiceProvider:
    """Return the provider of Amazon Bedrock, for `OpenAI(provider=bedrock(...))`.

    Args:
        endpoint: `mantle`, the default, or `runtime`.
        region: the AWS region (`AWS_REGION`, `AWS_DEFAULT_REGION`, then that of the profile).
        base_url: the URL before the path of an operation (`AWS_BEDROCK_BASE_URL`, then that of the region); `None`
            leaves the environment unread.
        api_key: a bearer token (`AWS_BEARER_TOKEN_BEDROCK`); `None` leaves the environment unread, so that AWS
            credentials sign.
        token_provider: a function that returns a bearer token, called for each attempt.
        access_key_id: static AWS credentials, with `secret_access_key` and perhaps `session_token`.
        secret_access_key: see `access_key_id`.
        session_token: see `access_key_id`.
        profile: a profile of AWS's configuration files.
        credential_provider: a function that returns credentials of botocore, called for each attempt.

    Raises:
        OpenAIError: an argument is invalid, or two of them conflict.
    """
    arguments = dict(locals())
    settings = Settings(**arguments)
    return ServiceProvider(bedrock, arguments, SECRETS, settings.configure)


class Settings:
    """The arguments of `bedrock`, validated and completed from the environment."""

    def __init__(
        self,
        *,
        endpoint: str | None,
        region: str | None,
        base_url: str | Omit | None,
        api_key: Any,
        token_provider: BedrockTokenProvider | None,
        **aws: Any,
    ) -> None:
        if endpoint not in (None, "mantle", "runtime"):
            raise OpenAIError(f"endpoint must be 'mantle' or 'runtime', not {endpoint!r}")
        self.region = _not_empty("region", region)
        self.profile = _not_empty("profile", aws["profile"])
        self.aws = aws
        _check_region(self.region)
        configured = (os.environ.get("AWS_BEDROCK_BASE_URL") or "").strip() if isinstance(base_url, Omit) else base_url
        if isinstance(base_url, str):
            _not_empty("base_url", base_url)
        self.base_url = api_root(str(configured)) if configured else None
        known = canonical_endpoint(self.base_url)
        self.endpoint = endpoint or (known[0] if known else "mantle")
        self._check_static(**aws)
        self.token = self._bearer(api_key, token_provider)
        if self.region is None and (self.base_url is None or self.token is None):
            self.region = (os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "").strip() or None
            _check_region(self.region)
        self._check_url(self.base_url, self.region)

    @staticmethod
    def _check_static(
        access_key_id: str | None, secret_access_key: str | None, session_token: str | None, **_: object
    ) -> None:
        if (access_key_id is None) != (secret_access_key is None) or (session_token and access_key_id is None):
            raise OpenAIError(
                "Static AWS credentials are access_key_id and secret_access_key, and perhaps session_token: pass both"
            )
        for name, value in (
            ("access_key_id", access_key_id),
            ("secret_access_key", secret_access_key),
            ("session_token", session_token),
        ):
            _not_empty(name, value)

    def _bearer(self, api_key: Any, token_provider: BedrockTokenProvider | None) -> BedrockTokenProvider | None:
        """Return the function that returns the bearer token, `None` if AWS credentials sign."""
        explicit = None if isinstance(api_key, Omit) else api_key
        if explicit is not None and (not isinstance(explicit, str) or not explicit.strip()):
            raise OpenAIError("api_key must be a string that is not empty; a function is passed as token_provider")
        passed = {
            "api_key": explicit,
            "token_provider": token_provider,
            "access_key_id": self.aws["access_key_id"],
            "profile": self.profile,
            "credential_provider": self.aws["credential_provider"],
        }
        kinds = [name for name, value in passed.items() if value is not None]
        if len(kinds) > 1:
            raise OpenAIError(AMBIGUOUS + " and ".join(kinds))
        if explicit is not None:
            check_key("api_key", explicit)
            return lambda: explicit
        if token_provider is not None:
            return token_provider
        from_environment = not kinds and isinstance(api_key, Omit) and os.environ.get("AWS_BEARER_TOKEN_BEDROCK")
        return _environment_token if from_environment else None

    def _check_url(self, base_url: str | None, region: str | None) -> None:
        """Refuse a host of AWS of another service or region, or without encryption."""
        known = canonical_endpoint(base_url)
        if base_url is None or known is None:
            return
        if not base_url.startswith("https:"):
            raise OpenAIError(f"base_url must begin with https:// for a host of Amazon Bedrock, not {base_url[:7]!r}")
        if known[0] != self.endpoint:
            raise OpenAIError(
                f"base_url is that of the endpoint {known[0]!r}, but endpoint is {self.endpoint!r}; "
                f"pass endpoint={known[0]!r}"
            )
        if region is not None and known[1] != region:
            raise OpenAIError(f"base_url is that of the region {known[1]!r}, but region is {region!r}")

    def configure(self) -> tuple[str, Dialect]:
        """Return the base URL and the dialect of a new client."""
        if self.token is not None:
            base_url = self.base_url or self._default_url(self.region)
            return base_url, BedrockBearer(base_url, self.token)
        from oai._providers.sigv4 import Signer, SigV4  # its extra is loaded when it signs

        service = "bedrock" if self.endpoint == "runtime" else "bedrock-mantle"
        signer = Signer(service, self.region, self.aws)
        if signer.region is None:
            raise OpenAIError(NO_REGION)
        _check_region(signer.region)
        base_url = self.base_url or self._default_url(signer.region)
        self._check_url(base_url, signer.region)
        return base_url, SigV4(base_url, signer)

    def _default_url(self, region: str | None) -> str:
        if region is None:
            raise OpenAIError(NO_REGION)
        if self.endpoint == "mantle":
            return f"https://bedrock-mantle.{region}.api.aws/openai/v1"
        return f"https://bedrock-runtime.{region}.{_suffixes(region)[0]}/openai/v1"


class BedrockBearer(ServiceDialect):
    """The dialect of Bedrock with a bearer token."""

    def __init__(self, base_url: str, token_provider: BedrockTokenProvider) -> None:
        super().__init__("Bedrock", base_url)
        self._token_provider = token_provider

    def sign(self, request: Request, transport: Any, io: ClientIO) -> Signing:  # noqa: ARG002 - of all dialects
        """Add the token of this attempt."""
        self.check(request)
        try:
            token = yield (self._token_provider,)
        except OpenAIError:
            raise
        except Exception as error:
            raise OpenAIError("The function that returns the bearer token of Bedrock failed") from error
        text = resolved_token(
            token, "The function that returns the bearer token of Bedrock must return text", is_async=io.is_async
        )
        check_key("the bearer token of Bedrock", text)
        request.headers.append(("Authorization", f"Bearer {text}"))
        return True


def _environment_token() -> str:
    token = os.environ.get("AWS_BEARER_TOKEN_BEDROCK")
    if not token:
        raise OpenAIError(NO_CREDENTIALS)
    return token


def _not_empty(name: str, value: str | None) -> str | None:
    """Return a text without the space around it, and `None` as it is."""
    if value is not None and not value.strip():
        raise OpenAIError(f"{name} is empty; pass None for the default")
    return value if value is None else value.strip()


def _check_region(region: str | None) -> None:
    if region is not None and REGION.fullmatch(region) is None:
        raise OpenAIError(f"region must be that of AWS, such as us-east-1, not {region!r}")


def _suffixes(region: str) -> tuple[str, str]:
    """Return the DNS suffixes of a region's partition."""
    return next((first, second) for start, first, second in SUFFIXES if region.startswith(start))


def api_root(url: str) -> str:
    """Return a URL without the path of an operation, such as `/responses`, and without a slash at its end."""
    parts = urlsplit(url.strip())
    path = re.sub(r"/responses(/.*)?$", "", parts.path.rstrip("/"))
    return urlunsplit(parts._replace(path=path))


def canonical_endpoint(base_url: str | None) -> tuple[BedrockEndpoint, str] | None:
    """Return the endpoint and the region of a host of AWS, also of its FIPS and dual-stack hosts; else `None`."""
    host = (urlsplit(base_url or "").hostname or "").removesuffix(".")
    service, _, rest = host.partition(".")
    region, _, suffix = rest.partition(".")
    if REGION.fullmatch(region) is None:
        return None
    if service == "bedrock-mantle" and suffix == "api.aws":
        return "mantle", region
    if service in ("bedrock-runtime", "bedrock-runtime-fips") and suffix in _suffixes(region):
        return "runtime", region
    return None
