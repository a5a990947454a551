"""The official SDK's own clients of Amazon Bedrock; `OpenAI(provider=bedrock(...))` does the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Self

from oai._errors import OpenAIError
from oai._providers.bedrock import AMBIGUOUS, bedrock, canonical_endpoint
from oai._request.client_core import core_of
from oai._request.options import check_constructor
from oai._support.omit import omit

if TYPE_CHECKING:
    from oai._typed import AsyncOpenAI, OpenAI
else:
    from oai._client.async_client import AsyncOpenAI
    from oai._client.sync_client import OpenAI

BEARER: Final = ("api_key", "bedrock_token_provider")

AWS: Final = (
    "aws_profile",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_credentials_provider",
)

ROUTING: Final = ("aws_region", "base_url")

SECRETS: Final = frozenset({"api_key", "aws_access_key_id", "aws_secret_access_key", "aws_session_token"})

REFUSED: Final = ("admin_api_key", "workload_identity", "provider", "data_residency")


class _BedrockClient:
    """The constructor, options and pickling of both clients of Bedrock."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        bedrock_token_provider: Callable[[], Any] | None = None,
        aws_region: str | None = None,
        aws_profile: str | None = None,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        aws_session_token: str | None = None,
        aws_credentials_provider: Callable[[], object] | None = None,
        base_url: str | None = None,
        **options: Any,
    ) -> None:
        """Create a client; it takes the options of `OpenAI` in addition to these.

        Args:
            api_key: a bearer token (`AWS_BEARER_TOKEN_BEDROCK`).
            bedrock_token_provider: a function that returns a bearer token, called for each attempt.
            aws_region: the AWS region (`AWS_REGION`, `AWS_DEFAULT_REGION`, then that of the profile).
            aws_profile: a profile of AWS's configuration files.
            aws_access_key_id: static AWS credentials, with `aws_secret_access_key` and perhaps `aws_session_token`.
            aws_secret_access_key: see `aws_access_key_id`.
            aws_session_token: see `aws_access_key_id`.
            aws_credentials_provider: a function that returns credentials of botocore, called for each attempt.
            base_url: the URL before the path of an operation (`AWS_BEDROCK_BASE_URL`, then that of the region).
            **options: those of `OpenAI`.

        Raises:
            OpenAIError: an argument is invalid, or two of them conflict.
            TypeError: there is no option of that name.
        """
        arguments = dict(locals())
        own = {name: arguments[name] for name in (*BEARER, *AWS, *ROUTING) if arguments[name] is not None}
        _refuse(options)
        check_constructor(options, (*BEARER, *AWS, *ROUTING))
        base: Any = super()  # `OpenAI` or `AsyncOpenAI`
        base.__init__(provider=_provider(own), **options)
        self._bedrock = own

    @property
    def aws_region(self) -> str | None:
        """The region, if it is known."""
        known = canonical_endpoint(core_of(self).config.base_url)
        own = self._bedrock.get("aws_region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        return own or (known[1] if known else None)

    @property
    def api_key(self) -> Any:
        """The bearer token, an empty string if there is none."""
        return self._bedrock.get("api_key") or ""

    @api_key.setter
    def api_key(self, value: str) -> None:
        other = self.with_options(api_key=value)
        core_of(self).config, self._bedrock = core_of(other).config, vars(other)["_bedrock"]

    def with_options(self, **options: Any) -> Self:
        """Return a copy with some options replaced, over the same transport, see `OpenAI.with_options`.

        New credentials take the place of the others.

        Raises:
            OpenAIError: two kinds of credentials are passed.
        """
        _refuse(options)
        new = {name: options.pop(name) for name in (*BEARER, *AWS, *ROUTING) if options.get(name) is not None}
        own = dict(self._bedrock)
        if new.keys() & {*BEARER, *AWS}:
            own = {name: value for name, value in own.items() if name in ROUTING}
        own |= new
        if new:
            options["provider"] = _provider(own)
        base: Any = super()  # `OpenAI` or `AsyncOpenAI`
        other: Self = base.with_options(**options)
        other._bedrock = own
        return other

    copy = with_options

    def _state(self) -> dict[str, Any]:
        """Return the options that a pickled client carries."""
        config = core_of(self).config
        state = {name: value for name, value in config.state().items() if name != "provider"}
        return state | {n: v for n, v in self._bedrock.items() if config.pickle_keys or n not in SECRETS}


class BedrockOpenAI(_BedrockClient, OpenAI):
    """`OpenAI` for Amazon Bedrock: the same calls, with a bearer token or signed with AWS credentials."""


class AsyncBedrockOpenAI(_BedrockClient, AsyncOpenAI):
    """`AsyncOpenAI` for Amazon Bedrock, see `BedrockOpenAI`."""


def _refuse(options: dict[str, Any]) -> None:
    """Refuse options that are for OpenAI, or that these clients have by another name."""
    if refused := [name for name in REFUSED if options.get(name) is not None]:
        raise OpenAIError(f"a client of Bedrock does not take {' and '.join(refused)}")


def _provider(own: dict[str, Any]) -> Any:
    """Return the provider for the arguments of a client."""
    if callable(own.get("api_key")):
        raise OpenAIError("api_key must be a string; pass a function as bedrock_token_provider")
    if own.get("api_key") == "":
        raise OpenAIError("api_key is empty; pass None for the default")
    if len(passed := [name for name in BEARER if name in own] + [name for name in AWS if name in own][:1]) > 1:
        raise OpenAIError(AMBIGUOUS + " and ".join(passed))
    base_url = own.get("base_url", omit)
    return bedrock(
        region=own.get("aws_region"),
        base_url=None if isinstance(base_url, str) and not base_url.strip() else base_url,
        api_key=own.get("api_key", omit),
        token_provider=own.get("bedrock_token_provider"),
        access_key_id=own.get("aws_access_key_id"),
        secret_access_key=own.get("aws_secret_access_key"),
        session_token=own.get("aws_session_token"),
        profile=own.get("aws_profile"),
        credential_provider=own.get("aws_credentials_provider"),
    )
