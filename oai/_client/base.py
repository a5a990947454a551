"""The base class of the sync and async clients: options, transport and copies; nothing that blocks or awaits."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack

from oai._client.core import Core
from oai._client.table_classes import TableClient, Tables, class_with, made_of, restore
from oai._client.undeclared import UndeclaredRequests
from oai._errors import OpenAIError
from oai._flow.observe import start_log
from oai._http.messages import Transport
from oai._request.client_core import core_of
from oai._request.config import NAMED, USER_AGENT, Config
from oai._request.options import ARGUMENTS, CLIENT_ARGUMENTS
from oai._support.lazy import LazyModule
from oai._support.omit import Omit, omit
from oai._surface.namespaces import Namespace
from oai._table.load import table_sources

if TYPE_CHECKING:
    from oai._typed import _options as option_types
    from oai._typed._options import OptionAttributes
else:
    option_types = LazyModule("oai._client.option_types")
    OptionAttributes = object  # the attributes are created below, from the same declarations as the stub


class Attribute:
    """An option of a client, as resolved. Setting it applies to calls that begin afterwards.

    Setting an attribute validates as `with_options` does, and rejects `None` for a key, name or URL. A call in progress
    keeps its options, in any thread or task.
    """

    def __init__(self, name: str, doc: str) -> None:
        self.__doc__ = doc[0].upper() + doc[1:]
        self._name = name

    def __get__(self, client: Client | None, owner: type) -> Any:
        return self if client is None else getattr(core_of(client).config, self._name)

    def __set__(self, client: Client, value: Any) -> None:
        if value is None and self._name in NAMED:
            raise OpenAIError(f"{self._name} cannot be set to None; create a client without it")
        options: dict[str, Any] = {self._name: value}
        core_of(client).config = core_of(client.with_options(**options)).config


class BaseURL(Attribute):
    """The base URL, as text with the attributes of httpx's URLs."""

    ending: ClassVar[str] = ""
    """What its path ends with; the official SDK's has a slash at the end, which `as_openai` adds."""

    def __get__(self, client: Client | None, owner: type) -> Any:
        from oai._support.url_text import URLText  # few programs read it

        url = super().__get__(client, owner)
        if client is None:
            return url
        has_path = "/" in url.partition("://")[2] or "://" not in url
        return URLText(url.rstrip("/") + self.ending if self.ending and has_path else url)


class _Constructor:
    """Stand-in for the constructor, from which `inspect` reads a signature with every declared option."""

    __globals__ = globals()
    """Where `typing.get_type_hints` looks up the names of the constructor's annotations."""

    def __call__(self) -> None:
        """Do nothing; `inspect` reads signatures of callables only."""

    @property
    def __signature__(self) -> Any:
        from inspect import Parameter, Signature  # a large module, which few programs need

        named = [(name, declared.default, declared.takes) for name, declared in ARGUMENTS.items()]
        named += [(name, None, takes) for name, takes in CLIENT_ARGUMENTS.items()]
        keyword = Parameter.KEYWORD_ONLY
        options = [Parameter(name, keyword, default=default, annotation=takes) for name, default, takes in named]
        return Signature([Parameter("self", Parameter.POSITIONAL_OR_KEYWORD), *options])


class Client(UndeclaredRequests, TableClient, OptionAttributes):
    """Base class shared by the sync and async clients; contains everything that does not block or await."""

    _core_class: ClassVar[type[Core]]
    _core: Core

    def __new__(cls, *_: object, table: Tables | None = None, **__: object) -> Self:
        """Return an instance of the subclass that has the table's namespaces."""
        return object.__new__(class_with(cls, table_sources(table)))

    def __init__(
        self,
        *,
        transport: Transport | None = None,
        table: Tables | None = None,  # noqa: ARG002 - read by `__new__`
        http_client: Any = None,
        **options: Unpack[option_types.Options],
    ) -> None:
        """Create a client; options default to the environment, then to their default values.

        Args:
            transport: sends the requests; by default that of a `default_transport` block, then the one that the
                environment names (`OAI_TRANSPORT`), else a new one, which the client closes.
            table: a TOML file of rows, or several, merged over the shipped table (`OAI_TABLE`).
            http_client: a client of httpx or httpx2 to send over, as in the official SDK, closed with this one.
            **options: the options that `Config` declares, as follows.

        Raises:
            OpenAIError: there is no key and the transport needs one, or an option is invalid.
            TableError: a table has an invalid row.
        """
        if http_client is not None and isinstance(options.get("timeout", omit), Omit):
            from oai._client.http_client import own_timeout

            options["timeout"] = own_timeout(http_client)
        config = Config(**_with_identity(options))
        chosen = self._core_class.find_transport(transport, http_client)
        owns = chosen is None or http_client is not None
        self._core = self._core_class(self, config, chosen, http_client=http_client, owns_transport=owns)
        self._core.check_key()
        start_log()

    @property
    def transport(self) -> Transport:
        """The transport; the default one is created, and its library imported, at first use."""
        return self._core.transport

    @property
    def _client(self) -> Any:
        """The HTTP client, by the official SDK's private name: what was passed as `http_client`, else the transport."""
        return self._core.http_client or self._core.transport

    @property
    def default_headers(self) -> dict[str, Any]:
        """The headers of every request, without that of the key."""
        return dict(self._core.config.headers.values())

    @property
    def default_query(self) -> dict[str, Any]:
        """The query parameters of every request."""
        return {**self._core.config.default_query}

    @property
    def auth_headers(self) -> dict[str, str]:
        """The header of the key; empty if a function returns the key, or a header of the caller replaces it."""
        config = self._core.config
        if not isinstance(config.api_key, str) or config.authorizes_itself:
            return {}
        return dict([config.dialect.authorization(config.api_key)])

    @property
    def user_agent(self) -> str:
        """The `User-Agent` of the package, without that of `default_headers`."""
        return USER_AGENT

    @property
    def custom_auth(self) -> None:
        """`None`: as in the official SDK, requests carry the key in a header."""
        return None

    @property
    def qs(self) -> Any:
        """An object whose `stringify` encodes a query as requests do."""
        from oai._request.query import Querystring

        return Querystring()

    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._core.closed

    def with_options(self, *, transport: Transport | None = None, http_client: Any = None, **options: Any) -> Self:
        """Return a client with some options replaced, over the same transport; this one is unchanged.

        It takes the options of the constructor except `table`. Headers and query parameters are merged;
        `set_default_headers` and `set_default_query` replace all. A key, name or URL that is `None` keeps its value.
        """
        config = self._core.config.replace(**_with_identity(options))
        same = transport is None and http_client is None
        chosen = self.transport if same else self._core_class.find_transport(transport, http_client)

        def new_core(client: Any) -> Core:
            core = self._core_class(client, config, chosen)
            core.check_key()
            return core

        return self._twin(new_core)

    copy: Any = with_options  # which `_typing.pyi` types

    def __repr__(self) -> str:
        from oai._support.redact import redact_url  # compiles regular expressions

        return f"<{type(self).__name__} for {redact_url(self._core.config.base_url)}>"

    def __copy__(self) -> Self:
        """Return a client with the same options, keys and table, which `pickle` would leave out or look up again."""
        return self._twin(self._core.copy_for)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Return a client with the same options, keys and table; it shares the caller's transport."""
        from copy import deepcopy

        return self._twin(self._core.copy_for, lambda attribute: deepcopy(attribute, memo))

    def _twin(self, core_for: Callable[[Self], Core], of_attribute: Callable[[Any], Any] = lambda value: value) -> Self:
        """Return an instance of the same class with another core, and with the attributes that a subclass has set."""
        other = object.__new__(type(self))
        for name, value in vars(self).items():
            if name != "_core" and not isinstance(value, Namespace):  # a namespace belongs to its client
                vars(other)[name] = of_attribute(value)
        vars(other)["_core"] = core_for(other)
        return other

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the options and the caller's transport, keys only with `pickle_keys`, never connections."""
        cls, sources = made_of(type(self))
        return restore, (cls, sources, self._state(), self._core.given_transport)

    def _state(self) -> dict[str, Any]:
        """Return the options that a pickled client contains."""
        return self._core.config.state()


def _with_identity(options: Any) -> Any:
    """Return the options with the dialect of a workload identity, if there is one."""
    if options.get("workload_identity") is None:
        return options
    from oai._auth.configure import configure_identity  # few programs need it

    return configure_identity(options)


_INDENT = " " * (4 if sys.version_info >= (3, 13) else 12)
"""That of the arguments in a docstring, of which compilers since 3.13 remove what its lines have in common."""

for _name, _declared in ARGUMENTS.items():
    if _declared.is_attribute:
        _kind = BaseURL if _name == "base_url" else Attribute
        setattr(Client, _name, _kind(_name, _declared.doc))
    Client.__init__.__doc__ = f"{Client.__init__.__doc__}\n{_INDENT}{_name}: {_declared.doc}"

setattr(Client, "_base_url", vars(Client)["base_url"])  # noqa: B010 - the SDK's private name, which litellm reads

for _method in (Client.__new__, Client.__init__):  # `inspect` reads the signature of a class from the former
    vars(_method)["__wrapped__"] = _Constructor()  # only `inspect` and `typing` follow it
