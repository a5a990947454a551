"""Options of a client as its attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from oai._config import NAMED
from oai._errors import OpenAIError

if TYPE_CHECKING:
    from typing import Self

    from oai._base import Client

T = TypeVar("T")
S = TypeVar("S")


class Option(Generic[T, S]):
    """An option of a client, as it was given or found. It may be set, which holds for calls that begin from then on.

    To set one is `with_options` for the client itself, which refuses what it does there; beside it, a key, name or URL
    is not set to `None`. A call that is under way keeps what it began with, in whatever thread or task. Its type is
    what it is read as, and what it may be set to.
    """

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Client, owner: type) -> T: ...
    def __get__(self, client: Client | None, owner: type) -> Any:
        return self if client is None else getattr(client._config, self._name)  # noqa: SLF001 - it is the client's own

    def __set__(self, client: Client, value: S) -> None:
        if value is None and self._name in NAMED:
            raise OpenAIError(f"{self._name} cannot be taken away from a client; make one without it")
        options: dict[str, Any] = {self._name: value}
        client._config = client.with_options(**options)._config  # noqa: SLF001 - as above
