"""The core of a client: its state, and everything about a call except the waiting.

`_request.client_core` declares what other rooms may use of it.

`_client.sync_client` and `_client.async_client` derive one each, which differ in the driver of the flow.
"""

from __future__ import annotations

import warnings
from _thread import allocate_lock  # `threading` is a larger import, which `import oai` does without
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from oai._client.default_transport import ClosedTransport, find_transport
from oai._client.table_classes import class_with, sources_of
from oai._errors import InsecureWarning, OpenAIError
from oai._json.objects import Object
from oai._results.answer import read_answer

if TYPE_CHECKING:
    from oai._client.table_classes import TableClient
    from oai._http.messages import Transport
    from oai._http.response import Response
    from oai._request.arguments import Arguments
    from oai._request.config import Config
    from oai._table.operation import Operation

_transport_lock = allocate_lock()


class Core:
    """What both cores are.

    Args:
        client: the client whose core it is.
        config: its options.
        transport: what it sends over, `None` for one of its own that is made when it is first needed.
        http_client: the client of httpx that the transport sends over, if it was given one.
        owns_transport: whether closing the client closes the transport.
    """

    is_async: ClassVar[bool] = False

    def __init__(
        self,
        client: Any,
        config: Config,
        transport: Transport | None,
        *,
        http_client: Any = None,
        owns_transport: bool = False,
    ) -> None:
        self.client = client
        self.config = config
        self.closed = False
        self._transport = transport
        self._http_client = http_client
        self._owns_transport = owns_transport

    @classmethod
    def find_transport(cls, transport: Any, http_client: Any) -> Transport | None:
        """Return what a client sends over that is given these, `None` for one of its own."""
        if http_client is not None:
            from oai._client.http_client import transport_of  # few programs have one

            if transport is not None:
                raise OpenAIError("transport and http_client exclude each other: give one")
            transport = transport_of(http_client, is_async=cls.is_async)
        found: Transport | None = find_transport(transport, is_async=cls.is_async)
        return found

    def default_transport(self) -> Transport:
        """Make a transport of the client's own."""
        raise NotImplementedError

    @property
    def transport(self) -> Transport:
        """What sends the requests."""
        if self._transport is None:
            with _transport_lock:
                if self._transport is None:
                    if self.closed:
                        return ClosedTransport()
                    self._transport = self.default_transport()
        return self._transport

    @property
    def given_transport(self) -> Transport | None:
        """The transport that the caller passed in, which a pickle carries."""
        return None if self._owns_transport and self._http_client is None else self._transport

    def mark_closed(self) -> Any:
        """Note that the client is closed; return what is to be closed with it."""
        with _transport_lock:
            self.closed = True
            return self._transport if self._owns_transport else None

    @property
    def needs_key(self) -> bool:
        """Whether the transport reaches a server, which wants a key."""
        return self._transport is None or getattr(self._transport, "needs_key", True)

    def check_key(self) -> None:
        """Refuse a client without a key, and warn of one whose key anybody can read on the way."""
        config = self.config
        if self.needs_key and not (config.api_key or config.admin_api_key or config.authorizes_itself):
            raise OpenAIError(
                "There is no API key: pass api_key (or admin_api_key), or set OPENAI_API_KEY (or OPENAI_ADMIN_KEY). "
                "Without one, OpenAI(transport=oai.OfflineTransport()) answers with made-up data."
            )
        plain = next((each for each in (config, config.for_sockets()) if each.sends_keys_in_plain), None)
        if self.needs_key and plain is not None:
            from oai._support.redact import redact_url  # regular expressions, which few programs need

            warnings.warn(
                f"{redact_url(plain.base_url)} is not encrypted and not on this machine: "
                "the key can be read on the way",
                InsecureWarning,
                stacklevel=3,
            )

    def send(self, *arguments: Any, unread: bool = False) -> Any:
        """Send a call; return its operation, its response, and the open reply of a stream or where `unread`."""
        raise NotImplementedError

    def call(self, *arguments: Any) -> Any:
        """Send a call, and return its result."""
        raise NotImplementedError

    def help(self, helper: Callable[..., Any], options: dict[str, Any]) -> Any:
        """Run a helper, a generator function that takes the client."""
        raise NotImplementedError

    def view_classes(self) -> tuple[type[TableClient], type[Core]]:
        """Return the classes of a view and its core: the sync client's, whose methods hand on what `call` returns."""
        raise NotImplementedError

    def stream(self, operation: Operation, response: Response, reply: Any) -> Any:
        """Return the stream of a reply."""
        raise NotImplementedError

    def result(self, operation: Operation, response: Response, reply: Any, arguments: tuple[Any, ...]) -> Any:
        """Return the result of a call that was sent."""
        if reply is None:
            return self.decoded(operation, response, arguments)
        stream = self.stream(operation, response, reply)
        return stream if operation.assemble_stream is None else operation.assemble_stream(self.client, stream)

    def decoded(self, operation: Operation, response: Response, arguments: tuple[Any, ...]) -> Any:
        """Return the result of a call whose response is complete, and tell a page how to get the next."""
        vectors = operation.row.vectors is not None
        if not (vectors or operation.page):
            return read_answer(operation, response, unpack=False)
        from oai._request.arguments import Arguments

        given = Arguments(*arguments)
        result = read_answer(operation, response, unpack=vectors and given.defaulted)
        if operation.page and isinstance(result, Object):
            self._next_page(result, given)
        return result

    def _next_page(self, page: Any, given: Arguments) -> None:
        """Tell a page how to get the one after it: the same call, with the page's parameters on top."""
        query = given.extra_query or {}

        def more(params: dict[str, str]) -> Any:
            return self.call(*given._replace(extra_query={**query, **params}))

        page.__dict__.update(_more=more, _asked={**(given.query or {}), **query})

    def view(self, call: Callable[..., Any], help_with: Callable[..., Any]) -> Any:
        """Return an object with the methods of the client, whose calls are made by `call` and `help_with`."""
        cls, core_class = self.view_classes()
        view = object.__new__(class_with(cls, sources_of(type(self.client))))
        core = core_class(view, self.config, self._transport)
        core.__dict__.update(call=call, help=help_with)
        view.__dict__["_core"] = core
        return view
