"""Write the stub of the client's options from their declarations in `Config`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oai._request.config import Config
from oai._request.options import ARGUMENTS

HEAD: Final = """
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from oai._client.option_types import Provider
from oai._request.dialect import Dialect
from oai._auth.subject_tokens import WorkloadIdentity, X509WorkloadIdentity
from oai._http.foreign_protocols import TimeoutLimits, URLLike
from oai._http.messages import Timeout
from oai._support.omit import Omit
from oai._request.hooks import Attempt

class Options(TypedDict, total=False):
    \"\"\"The options of a client, which `with_options` replaces, except the transport.\"\"\"

"""

OF_HTTPX: Final = {
    "base_url": "URLLike",
    "timeout": "TimeoutLimits | tuple[float | None, ...]",
    "websocket_base_url": "URLLike",
}
"""Types of httpx that options accept in addition to their own, by option."""

ATTRIBUTES: Final = """
class OptionAttributes:
    \"\"\"The options that a client has as attributes.\"\"\"
"""


def options_stub() -> str:
    """Return the stub of the options."""
    fields = "\n".join(f"    {name}: {_takes(name)}" for name in ARGUMENTS)
    return f"{HEAD}{fields}\n{ATTRIBUTES}{''.join(_attributes())}"


def _takes(name: str) -> str:
    """Return the type that an option takes, that of httpx's objects included."""
    takes = ARGUMENTS[name].takes
    return takes.replace("| None", f"| {OF_HTTPX[name]} | None") if name in OF_HTTPX else takes


def _attributes() -> Iterator[str]:
    """Yield a property for each attribute; a key, name or URL cannot be set to `None`."""
    for name, option in ARGUMENTS.items():
        if option.is_attribute:
            takes = _takes(name).removesuffix(" | None") if option.keeps else _takes(name)
            yield f"\n    @property\n    def {name}(self) -> {Config.__annotations__[name]}:\n"
            yield f'        """{option.doc[0].upper()}{option.doc[1:]}"""\n'
            yield f"    @{name}.setter\n    def {name}(self, value: {takes}) -> None: ...\n"
