"""`DefaultHttpxClient` and its kin: clients for `http_client=`, and classes to derive one's own from.

The official SDK's names. They are classes of httpx2 or httpx and aiohttp's transport, made when they are first used, so
that these libraries are imported only by programs that name them.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from oai._support.omit import omit

if TYPE_CHECKING:
    import httpx

    from oai.transports.aiohttp import AiohttpTransport

    class DefaultHttpxClient(httpx.Client):
        """A client of httpx2 or httpx without a limit of connections."""

    class DefaultAsyncHttpxClient(httpx.AsyncClient):
        """An async client of httpx2 or httpx without a limit of connections."""

    DefaultHttpx2Client: type[Any]
    DefaultAsyncHttpx2Client: type[Any]

    class DefaultAioHttpClient(AiohttpTransport):
        """A transport on aiohttp, with a `timeout` and httpx's `trust_env`, `verify` and `limits`."""

        def __init__(self, *, timeout: Any = omit, **options: Any) -> None: ...


BASES: Final = {
    "DefaultHttpxClient": ("", "Client"),
    "DefaultAsyncHttpxClient": ("", "AsyncClient"),
    "DefaultHttpx2Client": ("httpx2", "Client"),
    "DefaultAsyncHttpx2Client": ("httpx2", "AsyncClient"),
    "DefaultAioHttpClient": ("oai.transports.aiohttp", "AiohttpTransport"),
}
"""The module and the name of each base class. Without a module it is httpx2 if that is installed, as in the official
SDK from version 3 on, and else httpx."""


def __getattr__(name: str) -> Any:
    """Make one of the classes."""
    if name not in BASES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, base_name = BASES[name]
    module = module or ("httpx2" if find_spec("httpx2") else "httpx")
    library = import_module(module)
    base = getattr(library, base_name)
    names: dict[str, Any] = {"__module__": __name__, "__doc__": f"`{module}.{base_name}` for `http_client=`."}
    if module == "oai.transports.aiohttp":

        def __init__(self: Any, *, timeout: Any = omit, **options: Any) -> None:  # noqa: N807 - it becomes the class's
            base.__init__(self, **_transport_options(**options))
            self.timeout = timeout  # of which `own_timeout` makes the client's

        names |= {"__init__": __init__, "__reduce__": _reduce_with_timeout}
    else:

        def __init__(self: Any, **options: Any) -> None:  # noqa: N807 - it becomes the class's
            options.setdefault("limits", library.Limits(max_connections=None))
            base.__init__(self, **options)

        names |= {"__init__": __init__, "__doc__": f"{names['__doc__'][:-1]}, without a limit of connections."}
    return globals().setdefault(name, type(name, (base,), names))


def _transport_options(*, trust_env: bool = True, verify: Any = True, limits: Any = None, **options: Any) -> Any:
    """Return the options of `AiohttpTransport` for those of `httpx.AsyncClient`, which the official SDK takes.

    Raises:
        TypeError: `verify` is neither `True` nor an `ssl.SSLContext`.
    """
    if not trust_env:
        options.setdefault("proxies", False)
    if verify is not True:
        from ssl import SSLContext

        if not isinstance(verify, SSLContext):
            raise TypeError(f"verify must be True or an ssl.SSLContext, not {verify!r}")
        options.setdefault("ssl_context", verify)
    if getattr(limits, "max_connections", None) is not None:
        options.setdefault("connections", limits.max_connections)
    return options


def _reduce_with_timeout(self: Any) -> Any:
    """Pickle a `DefaultAioHttpClient`; a timeout is an attribute, which its class sets."""
    function, arguments, *_ = super(type(self), self).__reduce__()
    return function, arguments, {"timeout": self.timeout}
