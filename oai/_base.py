"""What both clients are: options, a transport, and the methods of a table; everything but the waiting."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, overload

from oai._adhoc import UndeclaredRequests
from oai._client_core import core_of
from oai._config import DEFAULT_MAX_BODY, DEFAULT_MAX_EVENT, DEFAULT_MAX_RETRIES, NAMED, PLAIN, Config, Dialect
from oai._errors import OpenAIError
from oai._observe import start_log
from oai._omit import Omit, omit
from oai._table import table_sources
from oai._tables import TableClient, Tables, class_with, made_of, restore

if TYPE_CHECKING:
    from typing import Self

    from oai._core import Core
    from oai._http import Timeout, Transport
    from oai._request_hooks import Hook

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
        return self if client is None else getattr(core_of(client).config, self._name)

    def __set__(self, client: Client, value: S) -> None:
        if value is None and self._name in NAMED:
            raise OpenAIError(f"{self._name} cannot be taken away from a client; make one without it")
        options: dict[str, Any] = {self._name: value}
        core_of(client).config = core_of(client.with_options(**options)).config


class Client(UndeclaredRequests, TableClient):
    """What both clients are: everything but the waiting."""

    _core_class: ClassVar[type[Core]]
    _core: Core

    api_key: Option[Any, Any] = Option("The key, or the function that returns it.")
    admin_api_key: Option[str | None, str] = Option("The key of operations that administer an organization.")
    organization: Option[str | None, str] = Option("The organization that a call is for, of several.")
    project: Option[str | None, str] = Option("The project that a call is for, of several.")
    webhook_secret: Option[str | None, str] = Option("What webhooks are checked with.")
    base_url: Option[str, str] = Option("Where the paths of the table begin, without a slash at its end.")
    websocket_base_url: Option[str | None, str] = Option("Where paths of WebSockets begin, `None`: as others.")
    max_retries: Option[int, int] = Option("How often a failed attempt is repeated.")
    timeout: Option[Timeout, float | Timeout | Omit | None] = Option("How long a call waits, see `Timeout`.")

    def __new__(cls, *_: object, table: Tables | None = None, **__: object) -> Self:
        """Make an instance of the class that has the table's namespaces."""
        return object.__new__(class_with(cls, table_sources(table)))

    def __init__(
        self,
        *,
        api_key: str | Callable[[], Any] | None = None,
        admin_api_key: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        base_url: str | None = None,
        timeout: float | Timeout | Omit | None = omit,
        max_retries: int = DEFAULT_MAX_RETRIES,
        deadline: float | None = None,
        default_headers: Mapping[str, Any] | None = None,
        default_query: Mapping[str, Any] | None = None,
        transport: Transport | None = None,
        table: Tables | None = None,  # noqa: ARG002 - `__new__` has read it
        beta: str | None = None,
        on_request: Hook | None = None,
        on_reply: Hook | None = None,
        on_retry: Hook | None = None,
        max_body: int | None = DEFAULT_MAX_BODY,
        max_event: int | None = DEFAULT_MAX_EVENT,
        pickle_keys: bool = False,
        data_residency: str | None = None,
        dialect: Dialect = PLAIN,
        webhook_secret: str | None = None,
        websocket_base_url: str | None = None,
        http_client: Any = None,
    ) -> None:
        """Make a client; what is not given comes from the environment, then from the defaults.

        Args:
            api_key: the key, or a function that returns it and is called before every attempt
                (`OPENAI_API_KEY`).
            admin_api_key: the key of the administration operations (`OPENAI_ADMIN_KEY`).
            organization: sent as `OpenAI-Organization` (`OPENAI_ORG_ID`).
            project: sent as `OpenAI-Project` (`OPENAI_PROJECT_ID`).
            base_url: where the paths of the table begin (`OPENAI_BASE_URL`).
            timeout: seconds for each single wait, or a `Timeout`; 600, and 5 to connect.
            max_retries: how often a failed attempt is repeated.
            deadline: seconds for the whole call: attempts, waits between them, and the body.
            default_headers: sent with every request; `None` takes a header away (`OPENAI_CUSTOM_HEADERS`).
            default_query: sent with every request.
            transport: what sends; unless given that of a `default_transport` block, then the one that the
                environment names (`OAI_TRANSPORT`), else one of this client's own, which it then closes.
            table: a TOML file of rows, or several, laid over the shipped table (`OAI_TABLE`).
            beta: the `OpenAI-Beta` header of every request, before what the row says.
            on_request: called with the `Attempt` before each is sent; header fields that it returns are added.
            on_reply: called with the `Attempt` when it has ended, with an answer or without.
            on_retry: called with the failed `Attempt` before the wait for the next.
            max_body: how many bytes a body that is read into memory may have, with its encoding undone; 1 GiB.
            max_event: how many bytes one event of a stream may have; 64 MiB.
            pickle_keys: whether a pickled client carries its keys in plain; else they are looked up in the
                environment where it is unpickled.
            data_residency: a region whose host is asked instead of `base_url`: `eu`, `us`, `jp` and others.
            dialect: how a service wants URLs and keys, where it is not as the API.
            webhook_secret: what `webhooks.unwrap` checks signatures with (`OPENAI_WEBHOOK_SECRET`).
            websocket_base_url: where the paths of WebSockets begin, if elsewhere: `wss://...` or `https://...`.
            http_client: a client of httpx or httpx2 to send over, as the official SDK takes it, closed with this one.

        Raises:
            OpenAIError: there is no key and the transport needs one, or an option cannot be what was given.
            TableError: a table has a row that cannot be.
        """
        config = Config(
            api_key=api_key,
            admin_api_key=admin_api_key,
            organization=organization,
            project=project,
            base_url=base_url,
            timeout=timeout,
            max_retries=max_retries,
            deadline=deadline,
            default_headers=default_headers,
            default_query=default_query,
            beta=beta,
            on_request=on_request,
            on_reply=on_reply,
            on_retry=on_retry,
            max_body=max_body,
            max_event=max_event,
            pickle_keys=pickle_keys,
            data_residency=data_residency,
            dialect=dialect,
            webhook_secret=webhook_secret,
            websocket_base_url=websocket_base_url,
        )
        found = self._core_class.find_transport(transport, http_client)
        owns = found is None or http_client is not None
        self._core = self._core_class(self, config, found, http_client=http_client, owns_transport=owns)
        self._core.check_key()
        start_log(os.environ)

    @property
    def transport(self) -> Transport:
        """What sends the requests; the default one is made, and its library imported, when it is first needed."""
        return self._core.transport

    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._core.closed

    def with_options(self, *, transport: Transport | None = None, http_client: Any = None, **options: Any) -> Self:
        """Return a client with some options replaced, over the same transport; this one stays as it is.

        It takes the options of the constructor but `table`. Headers and queries are added to those there are,
        whose place `set_default_headers` and `set_default_query` take. A key, name or URL that is `None` stays.
        """
        config = self._core.config.replace(**options)
        same = transport is None and http_client is None
        found = self.transport if same else self._core_class.find_transport(transport, http_client)
        other = object.__new__(type(self))
        other._core = self._core_class(other, config, found)
        other._core.check_key()
        return other

    def copy(self, *, transport: Transport | None = None, http_client: Any = None, **options: Any) -> Self:
        """Return `with_options(...)`, by the name that the official SDK has for it too."""
        return self.with_options(transport=transport, http_client=http_client, **options)

    def __repr__(self) -> str:
        from oai._redact import redact_url  # regular expressions, which few programs need

        return f"<{type(self).__name__} for {redact_url(self._core.config.base_url)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the options and the caller's transport; keys only with `pickle_keys`, connections never."""
        cls, sources = made_of(type(self))
        return restore, (cls, sources, self._state(), self._core.given_transport)

    def _state(self) -> dict[str, Any]:
        """Return the options that a pickled client carries."""
        return self._core.config.state()
