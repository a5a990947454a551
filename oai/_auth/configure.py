"""The options of a client with a workload identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from oai._auth import identities
from oai._auth.exchange import TOKEN_TYPES
from oai._auth.identities import FIELDS, IdentityDialect, WorkloadIdentityAuth
from oai._auth.x509 import configure_x509
from oai._errors import OpenAIError
from oai._support.omit import Omit, omit

PLACEHOLDER: Final = "workload-identity-auth"
"""The official SDK's placeholder for the key."""


def configure_identity(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a client with the dialect of its workload identity.

    Raises:
        OpenAIError: the identity is invalid, or another option conflicts with it.
    """
    identity = options["workload_identity"]
    for option in ("api_key", "provider"):
        value = options.get(option)
        if value not in (None, PLACEHOLDER) and not isinstance(value, Omit):
            raise OpenAIError(f"{option} and workload_identity exclude each other: pass one")
    if not isinstance(identity, Mapping) or not (identity.get("type") == "x509" or "provider" in identity):
        kind = "one without both" if isinstance(identity, Mapping) else type(identity).__name__
        raise OpenAIError(f"workload_identity must be a mapping with a provider, or with the type 'x509', not {kind}")
    own = {**options, "api_key": omit}
    if identity.get("type") == "x509":
        return configure_x509(dict(identity), own)
    auth = WorkloadIdentityAuth(workload_identity=_checked(identity), token_exchange_url=identities.EXCHANGE_URL)
    return {**own, "dialect": IdentityDialect(auth)}


def _checked(identity: Mapping[str, Any]) -> Any:
    for name in FIELDS:
        if not isinstance(identity.get(name), str) or not identity[name]:
            raise OpenAIError(f"workload_identity needs {name}")
    provider = identity["provider"]
    if not isinstance(provider, Mapping) or not callable(provider.get("get_token")):
        raise OpenAIError("the provider of workload_identity needs get_token, a function that returns a subject token")
    if provider.get("token_type") not in TOKEN_TYPES:
        raise OpenAIError(
            f"the token_type of a subject token must be one of {', '.join(TOKEN_TYPES)}, "
            f"not {provider.get('token_type')!r}"
        )
    return identity
