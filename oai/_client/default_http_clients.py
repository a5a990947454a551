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
    from ssl import SSLContext

    import httpx

    from oai.transports.aiohttp import AiohttpTransport

    class DefaultHttpxClient(httpx.Client):
        """A client of httpx2 or httpx without a limit of connections."""

    class DefaultAsyncHttpxClient(httpx.AsyncClient):
        """An async client of httpx2 or httpx without a limit of connections."""

    DefaultHttpx2Client: type[Any]
    DefaultAsyncHttpx2Client: type[Any]

    class DefaultAioHttpClient(AiohttpTransport):
        """A transport on aiohttp, with a `timeout` and httpx's `trust_env`, `verify`, `cert` and `limits`."""

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


WITHOUT_EFFECT: Final = ("http1", "http2", "base_url", "default_encoding")
"""Options of httpx that change no request of a client: aiohttp speaks HTTP/1.1, URLs are complete, texts are UTF-8."""

INSTEAD: Final = {
    **dict.fromkeys(("auth", "cookies", "max_redirects", "mounts", "transport"), "DefaultAsyncHttpxClient"),
    "event_hooks": "the client's hooks such as on_request",
    "headers": "the client's default_headers",
    "params": "the client's default_query",
    "proxy": "HTTPS_PROXY",
}
"""Options that a client of httpx applies itself, and what to use instead of them."""


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

        def __init__(  # noqa: N807 - it becomes the class's
            self: Any, *, timeout: Any = omit, follow_redirects: Any = True, **options: Any
        ) -> None:
            base.__init__(self, **_transport_options(**options))
            self.timeout = timeout  # of which `own_timeout` makes the client's
            self.follows_redirects = follow_redirects

        names |= {"__init__": __init__, "__reduce__": _reduce_with_attributes}
    else:

        def __init__(self: Any, **options: Any) -> None:  # noqa: N807 - it becomes the class's
            options.setdefault("timeout", library.Timeout(600, connect=5))  # this and the next for requests of its own
            options.setdefault("follow_redirects", True)
            options.setdefault("limits", library.Limits(max_connections=None))
            base.__init__(self, **options)

        names |= {"__init__": __init__, "__doc__": f"{names['__doc__'][:-1]}, without a limit of connections."}
    return globals().setdefault(name, type(name, (base,), names))


def _transport_options(
    *,
    trust_env: bool = True,
    verify: Any = True,
    cert: Any = None,
    limits: Any = None,
    **options: Any,
) -> dict[str, Any]:
    """Return the options of `AiohttpTransport` for those of `httpx.AsyncClient`, which the official SDK takes.

    Raises:
        TypeError: an option is not one of them, or its value is not supported.
    """
    for name in INSTEAD.keys() & options.keys():
        raise TypeError(f"DefaultAioHttpClient does not take httpx's {name}; use {INSTEAD[name]}")
    options = {name: value for name, value in options.items() if name not in WITHOUT_EFFECT}
    if not trust_env:
        options.setdefault("proxies", False)
    if verify is not True or cert is not None:
        options.setdefault("ssl_context", _tls_context(verify, cert))
    if getattr(limits, "max_connections", None) is not None:
        options.setdefault("connections", limits.max_connections)
    return options


def _tls_context(verify: Any, cert: Any) -> SSLContext:
    """Return the TLS context of httpx's `verify` and `cert`.

    Args:
        verify: `True`, `False` to accept any certificate, a file or directory of certificates to trust, or a context.
        cert: a file with a certificate and its key, or a tuple of two files and perhaps the key's password.
    """
    import ssl
    from pathlib import Path

    if isinstance(verify, ssl.SSLContext):
        context = verify
    elif isinstance(verify, bool):
        context = ssl.create_default_context()
        if not verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif isinstance(verify, (str, Path)):
        cafile, capath = (None, verify) if Path(verify).is_dir() else (verify, None)
        context = ssl.create_default_context(cafile=cafile, capath=capath)
    else:
        raise TypeError(f"verify must be True, False, a path or an ssl.SSLContext, not {verify!r}")
    if cert is not None:
        context.load_cert_chain(*((cert,) if isinstance(cert, (str, Path)) else cert))
    return context


def _reduce_with_attributes(self: Any) -> Any:
    """Pickle a `DefaultAioHttpClient` with the attributes that its class sets."""
    function, arguments, *_ = super(type(self), self).__reduce__()
    return function, arguments, {"timeout": self.timeout, "follows_redirects": self.follows_redirects}
