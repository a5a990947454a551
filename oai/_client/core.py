"""The core of a client: its state, and everything about a call except the waiting.

`_request.client_core` declares its interface for other rooms. `_client.sync_client` and `_client.async_client` derive
one class each, with the driver that runs the flow.
"""

from __future__ import annotations

import warnings
from _thread import allocate_lock  # `threading` is a larger import, which `import oai` does without
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from oai._client.default_transport import ClosedTransport, find_transport
from oai._client.table_classes import sources_of, view_class
from oai._errors import InsecureWarning, OpenAIError
from oai._json.objects import Object
from oai._results.answer import read_answer, read_as

if TYPE_CHECKING:
    from oai._client.table_classes import TableClient
    from oai._http.messages import Transport
    from oai._http.response import Response
    from oai._request.arguments import Arguments
    from oai._request.config import Config
    from oai._table.operation import Operation

_transport_lock = allocate_lock()


class Core:
    """Base class of both cores.

    Args:
        client: the client that the core belongs to.
        config: its options.
        transport: sends the requests; `None` for a default one, created at first use.
        http_client: the caller's httpx client that the transport uses, if any.
        owns_transport: whether closing the client closes the transport.
    """

    is_async: ClassVar[bool] = False
    sends_directly = True

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
        self.http_client = http_client
        self._owns_transport = owns_transport

    @classmethod
    def find_transport(cls, transport: Any, http_client: Any) -> Transport | None:
        """Return the transport for these arguments of a client, `None` for the default one."""
        if http_client is not None:
            from oai._client.http_client import transport_of  # few programs need it

            if transport is not None:
                raise OpenAIError("transport and http_client exclude each other: pass one")
            transport = transport_of(http_client, is_async=cls.is_async)
        chosen: Transport | None = find_transport(transport, is_async=cls.is_async)
        return chosen

    def default_transport(self) -> Transport:
        """Create the transport of a client that got none."""
        raise NotImplementedError

    @property
    def transport(self) -> Transport:
        """The transport, created at first use."""
        if self._transport is None:
            with _transport_lock:
                if self._transport is None:
                    if self.closed:
                        return ClosedTransport()
                    self._transport = self.default_transport()
        return self._transport

    @property
    def given_transport(self) -> Transport | None:
        """The transport that the caller passed, which a pickle contains."""
        return None if self._owns_transport and self.http_client is None else self._transport

    def mark_closed(self) -> Any:
        """Mark the client as closed; return the transport to close with it."""
        with _transport_lock:
            self.closed = True
            return self._transport if self._owns_transport else None

    def copy_for(self, client: Any) -> Core:
        """Return a core with the same options for a copy of the client.

        It shares the caller's transport, without closing it, and creates a default transport of its own.
        """
        other = object.__new__(type(self))
        vars(other).update(vars(self), client=client)
        if self._owns_transport:
            other.closed = False
            other._transport = self.given_transport
            other._owns_transport = other._transport is None
        return other

    @property
    def needs_key(self) -> bool:
        """Whether the transport needs a key, that is, reaches a server."""
        return self._transport is None or getattr(self._transport, "needs_key", True)

    def check_key(self) -> None:
        """Reject a client without a key, and warn if the key would be sent unencrypted over a network.

        Raises:
            OpenAIError: there is no key and the transport needs one.
        """
        config = self.config
        if (
            self.needs_key
            and config.dialect.needs_key
            and not (config.api_key or config.admin_api_key or config.authorizes_itself)
        ):
            raise OpenAIError(config.dialect.missing_key)
        plain = next((part for part in (config, config.for_sockets()) if part.sends_keys_in_plain), None)
        if self.needs_key and plain is not None:
            from oai._support.redact import redact_url  # compiles regular expressions

            warnings.warn(
                f"{redact_url(plain.base_url)} is not encrypted and not on this machine: the key can be intercepted",
                InsecureWarning,
                stacklevel=3,
            )

    def send(self, *arguments: Any, unread: bool = False) -> Any:
        """Send a call; return its response, and the reply if it is a stream or left `unread`."""
        raise NotImplementedError

    def call(self, *arguments: Any) -> Any:
        """Send a call, and return its result."""
        raise NotImplementedError

    def help(self, helper: Callable[..., Any], options: dict[str, Any]) -> Any:
        """Run a helper: a generator function whose first argument is the client."""
        raise NotImplementedError

    def view_classes(self) -> tuple[type[TableClient], type[Core]]:
        """Return the classes of a view and its core: the sync client's, whose methods pass the result through."""
        raise NotImplementedError

    def stream(self, operation: Operation, response: Response, reply: Any) -> Any:
        """Return the stream of a reply."""
        raise NotImplementedError

    def result(self, response: Response, reply: Any, arguments: tuple[Any, ...]) -> Any:
        """Return the result of the response to a call of these arguments, whose first is the operation."""
        operation: Operation = arguments[0]
        if reply is None:
            return self.decoded(operation, response, arguments)
        stream = self.stream(operation, response, reply)
        return stream if operation.assemble_stream is None else operation.assemble_stream(self.client, stream)

    def decoded(self, operation: Operation, response: Response, arguments: tuple[Any, ...]) -> Any:
        """Return the result of a complete response; a page gets the function that requests the next one."""
        if self.config.validates:
            from oai._request.arguments import Arguments
            from oai._results.strict_check import check_strictly

            kind = operation.requested_type(Arguments(*arguments).fields)
            check_strictly(operation.name, kind, response, operation.row.vectors)
        if operation.is_plain:
            return read_as(operation.response_type, operation.name, response)
        from oai._request.arguments import Arguments

        call = Arguments(*arguments)
        arrays = self.config.embeddings_as_arrays
        vectors = operation.row.vectors is not None
        result = read_answer(operation, response, call.fields, unpack=vectors and call.defaulted, arrays=arrays)
        if operation.page and isinstance(result, Object):
            self._link_next_page(result, call)
        return result

    def _link_next_page(self, page: Any, call: Arguments) -> None:
        """Give a page the function that requests the next one: the same call with the page's parameters merged."""
        query = call.extra_query or {}

        def more(params: dict[str, str]) -> Any:
            return self.call(*call._replace(extra_query={**query, **params}))

        page.__dict__.update(_more=more, _page_query={**(call.query or {}), **query})

    def view(self, call: Callable[..., Any], help_with: Callable[..., Any], kind: str = "") -> Any:
        """Return an object with the client's methods, which use `call` and `help_with` to make calls."""
        cls, core_class = self.view_classes()
        view = object.__new__(view_class(cls, sources_of(type(self.client)), kind, is_async=self.is_async))
        core = core_class(view, self.config, self._transport)
        core.__dict__.update(call=call, help=help_with)
        view.__dict__["_core"] = core
        return view
