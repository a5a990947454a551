"""The types of a client's options, for evaluated annotations; type checkers read `oai/_typed/_options.pyi`."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypedDict

from oai._auth.subject_tokens import WorkloadIdentity, X509WorkloadIdentity
from oai._http.messages import Timeout
from oai._request.dialect import Dialect
from oai._request.hooks import Attempt
from oai._request.options import ARGUMENTS
from oai._support.omit import Omit

__all__ = [
    "Any",
    "Attempt",
    "Callable",
    "Dialect",
    "Mapping",
    "Omit",
    "Options",
    "Provider",
    "Timeout",
    "WorkloadIdentity",
    "X509WorkloadIdentity",
]
"""`Options`, and the names in the types of its fields, which are evaluated here."""


class Provider(Protocol):
    """What `OpenAI(provider=...)` takes besides names and rows; `oai.providers` makes them."""

    def configure_options(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options of a client with those of the provider, among them `dialect`."""


make_typed_dict: Any = TypedDict  # whose fields type checkers expect to be literals
Options = make_typed_dict("Options", {name: option.takes for name, option in ARGUMENTS.items()}, total=False)
