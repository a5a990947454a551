"""What both clients are: options, a transport, and the methods of a table; everything but the waiting."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from oai._client.table_classes import TableClient, Tables, class_with, made_of, restore
from oai._client.undeclared import UndeclaredRequests
from oai._errors import OpenAIError
from oai._flow.observe import start_log
from oai._request.client_core import core_of
from oai._request.config import NAMED, Config
from oai._request.options import ARGUMENTS
from oai._table.load import table_sources

if TYPE_CHECKING:
    from typing import Self, Unpack

    from oai._client.core import Core
    from oai._http.messages import Transport
    from oai._typed._options import OptionAttributes, Options
else:
    OptionAttributes = object  # the attributes are made below, of the same declarations as the stub


class Attribute:
    """An option of a client, as it was given or found. It may be set, which holds for calls that begin from then on.

    To set one is `with_options` for the client itself, which refuses what it does there; beside it, a key, name or URL
    is not set to `None`. A call that is under way keeps what it began with, in whatever thread or task.
    """

    def __init__(self, name: str, doc: str) -> None:
        self.__doc__ = doc[0].upper() + doc[1:]
        self._name = name

    def __get__(self, client: Client | None, owner: type) -> Any:
        return self if client is None else getattr(core_of(client).config, self._name)

    def __set__(self, client: Client, value: Any) -> None:
        if value is None and self._name in NAMED:
            raise OpenAIError(f"{self._name} cannot be taken away from a client; make one without it")
        options: dict[str, Any] = {self._name: value}
        core_of(client).config = core_of(client.with_options(**options)).config


class _Constructor:
    """What `inspect` finds behind the constructor: its signature, with every option that is declared."""

    def __call__(self) -> None:
        """Do nothing: `inspect` takes a signature only from what can be called."""

    @property
    def __signature__(self) -> Any:
        from inspect import Parameter, Signature  # a large module, which few programs need

        named = [(name, each.default, each.takes) for name, each in ARGUMENTS.items()]
        own = {"transport": "Transport | None", "table": "Tables | None", "http_client": "Any"}
        named += [(name, None, takes) for name, takes in own.items()]
        keyword = Parameter.KEYWORD_ONLY
        options = [Parameter(name, keyword, default=default, annotation=takes) for name, default, takes in named]
        return Signature([Parameter("self", Parameter.POSITIONAL_OR_KEYWORD), *options])


class Client(UndeclaredRequests, TableClient, OptionAttributes):
    """What both clients are: everything but the waiting."""

    _core_class: ClassVar[type[Core]]
    _core: Core

    def __new__(cls, *_: object, table: Tables | None = None, **__: object) -> Self:
        """Make an instance of the class that has the table's namespaces."""
        return object.__new__(class_with(cls, table_sources(table)))

    def __init__(
        self,
        *,
        transport: Transport | None = None,
        table: Tables | None = None,  # noqa: ARG002 - `__new__` has read it
        http_client: Any = None,
        **options: Unpack[Options],
    ) -> None:
        """Make a client; what is not given comes from the environment, then from the defaults.

        Args:
            transport: what sends; unless given that of a `default_transport` block, then the one that the
                environment names (`OAI_TRANSPORT`), else one of this client's own, which it then closes.
            table: a TOML file of rows, or several, laid over the shipped table (`OAI_TABLE`).
            http_client: a client of httpx or httpx2 to send over, as the official SDK takes it, closed with this one.
            **options: what `Config` declares, as follows.

        Raises:
            OpenAIError: there is no key and the transport needs one, or an option cannot be what was given.
            TableError: a table has a row that cannot be.
        """
        config = Config(**options)
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

    copy: Any = with_options  # which `_typing.pyi` types

    def __repr__(self) -> str:
        from oai._support.redact import redact_url  # regular expressions, which few programs need

        return f"<{type(self).__name__} for {redact_url(self._core.config.base_url)}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the options and the caller's transport; keys only with `pickle_keys`, connections never."""
        cls, sources = made_of(type(self))
        return restore, (cls, sources, self._state(), self._core.given_transport)

    def _state(self) -> dict[str, Any]:
        """Return the options that a pickled client carries."""
        return self._core.config.state()


for _name, _declared in ARGUMENTS.items():
    if _declared.is_attribute:
        setattr(Client, _name, Attribute(_name, _declared.doc))
    Client.__init__.__doc__ = f"{Client.__init__.__doc__}\n            {_name}: {_declared.doc}"

vars(Client.__init__)["__wrapped__"] = _Constructor()  # which `inspect` follows, and nothing else
