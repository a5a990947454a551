"""What both clients are: options, a transport, and the methods of a table; everything but the waiting."""

from __future__ import annotations

import os
import warnings
from _thread import allocate_lock  # `threading` is a larger import, which `import oai` does without
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from oai._adhoc import AdHoc
from oai._answer import read_answer
from oai._config import DEFAULT_MAX_BODY, DEFAULT_MAX_EVENT, DEFAULT_MAX_RETRIES, PLAIN, Config, Dialect
from oai._default_transport import ClosedTransport, find_transport
from oai._errors import InsecureWarning, OpenAIError
from oai._object import Object
from oai._observe import start_log
from oai._omit import Omit, omit
from oai._option import Option
from oai._table import table_sources
from oai._tables import Tables, class_with, restore

if TYPE_CHECKING:
    from typing import Self

    from oai._arguments import Arguments
    from oai._http import Timeout, Transport
    from oai._operation import Operation
    from oai._request_hooks import Hook
    from oai._response import Response

_transport_lock = allocate_lock()


class Client(AdHoc):
    """What both clients are: everything but the waiting."""

    _is_async: ClassVar[bool] = False
    _own_names: ClassVar[frozenset[str]] = frozenset()
    _made_of: ClassVar[tuple[type, tuple[Any, ...]] | None] = None
    _config: Config
    _transport: Transport | None
    _http_client: Any = None
    _closed: bool = False

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
        self._config = Config(
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
        self._http_client = http_client
        self._transport = self._resolve_transport(transport, http_client)
        self._owns_transport = self._transport is None or http_client is not None
        self._check_key()
        start_log(os.environ)

    def _default_transport(self) -> Transport:
        raise NotImplementedError

    @property
    def _needs_key(self) -> bool:
        return self._transport is None or getattr(self._transport, "needs_key", True)

    def _check_key(self) -> None:
        config = self._config
        if self._needs_key and not (config.api_key or config.admin_api_key or config.authorizes_itself):
            raise OpenAIError(
                "There is no API key: pass api_key (or admin_api_key), or set OPENAI_API_KEY (or OPENAI_ADMIN_KEY). "
                "Without one, OpenAI(transport=oai.OfflineTransport()) answers with made-up data."
            )
        plain = next((each for each in (config, config.for_sockets()) if each.sends_keys_in_plain), None)
        if self._needs_key and plain is not None:
            from oai._redact import redact_url  # regular expressions, which few programs need

            warnings.warn(
                f"{redact_url(plain.base_url)} is not encrypted and not on this machine: "
                "the key can be read on the way",
                InsecureWarning,
                stacklevel=3,
            )

    @property
    def transport(self) -> Transport:
        """What sends the requests; the default one is made, and its library imported, when it is first needed."""
        if self._transport is None:
            with _transport_lock:
                if self._transport is None:
                    if self._closed:
                        return ClosedTransport()
                    self._transport = self._default_transport()
        return self._transport

    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def _mark_closed(self) -> Any:
        """Note that the client is closed; return what is to be closed with it."""
        with _transport_lock:
            self._closed = True
            return self._transport if self._owns_transport else None

    def _resolve_transport(self, transport: Any, http_client: Any) -> Transport | None:
        if http_client is not None:
            from oai._http_client import transport_of  # few programs have one

            if transport is not None:
                raise OpenAIError("transport and http_client exclude each other: give one")
            transport = transport_of(http_client, is_async=self._is_async)
        found: Transport | None = find_transport(transport, is_async=self._is_async)
        return found

    def with_options(self, *, transport: Transport | None = None, http_client: Any = None, **options: Any) -> Self:
        """Return a client with some options replaced, over the same transport; this one stays as it is.

        It takes the options of the constructor but `table`. Headers and queries are added to those there are,
        whose place `set_default_headers` and `set_default_query` take. A key, name or URL that is `None` stays.
        """
        config = self._config.replace(**options)
        other = object.__new__(type(self))
        other._config = config
        other._owns_transport = False
        other._transport = (
            self.transport if transport is http_client is None else self._resolve_transport(transport, http_client)
        )
        other._check_key()
        return other

    copy = with_options

    def __repr__(self) -> str:
        from oai._redact import redact_url  # regular expressions, which few programs need

        return f"<{type(self).__name__} for {redact_url(self._config.base_url)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the options and the caller's transport; keys only with `pickle_keys`, connections never."""
        cls, sources = self._made_of or (type(self), ())
        transport = None if self._owns_transport and self._http_client is None else self._transport
        return restore, (cls, sources, self._state(), transport)

    def _state(self) -> dict[str, Any]:
        """Return the options that a pickled client carries."""
        return self._config.state()

    def _view(self, call: Callable[..., Any], help_with: Callable[..., Any]) -> Any:
        """Return an object with the methods of the sync client whose calls are made by `call` and `help_with`."""
        from oai._client import OpenAI  # which derives from this class

        view = object.__new__(class_with(OpenAI, self._made_of[1] if self._made_of else ()))
        view.__dict__.update(_config=self._config, _transport=self._transport, _owns_transport=False)
        view.__dict__.update(_call=call, _help=help_with)
        return view

    def _decoded(self, operation: Operation, response: Response, arguments: tuple[Any, ...]) -> Any:
        """Turn a complete response into the result of a call, and tell a page how to go on."""
        vectors = operation.row.vectors is not None
        if not (vectors or operation.page):
            return read_answer(operation, response, unpack=False)
        from oai._arguments import Arguments

        given = Arguments(*arguments)
        result = read_answer(operation, response, unpack=vectors and given.defaulted)
        if operation.page and isinstance(result, Object):
            self._next_page(result, given)
        return result

    def _next_page(self, page: Any, given: Arguments) -> None:
        """Tell a page how to ask for the one after it: the same call, with the page's parameters on top."""
        asked = given.extra_query or {}

        def more(params: dict[str, str]) -> Any:
            return self._call(*given._replace(extra_query={**asked, **params}))

        page.__dict__.update(_more=more, _asked={**(given.query or {}), **asked})
