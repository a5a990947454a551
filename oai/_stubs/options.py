"""Write the stub of the client's options from their declarations in `Config`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from oai._request.config import Config
from oai._request.options import ARGUMENTS

HEAD: Final = """
from collections.abc import Callable, Mapping
from typing import Any, TypedDict

from oai._request.dialect import Dialect, Provider
from oai._auth.subject_tokens import WorkloadIdentity, X509WorkloadIdentity
from oai._http.messages import Timeout
from oai._support.omit import Omit
from oai._request.hooks import Attempt

class Options(TypedDict, total=False):
    \"\"\"The options of a client, which `with_options` replaces, except the transport.\"\"\"

"""

ATTRIBUTES: Final = """
class OptionAttributes:
    \"\"\"The options that a client has as attributes.\"\"\"
"""


def options_stub() -> str:
    """Return the stub of the options."""
    fields = "\n".join(f"    {name}: {option.takes}" for name, option in ARGUMENTS.items())
    return f"{HEAD}{fields}\n{ATTRIBUTES}{''.join(_attributes())}"


def _attributes() -> Iterator[str]:
    """Yield a property for each attribute; a key, name or URL cannot be set to `None`."""
    for name, option in ARGUMENTS.items():
        if option.is_attribute:
            takes = option.takes.removesuffix(" | None") if option.keeps else option.takes
            yield f"\n    @property\n    def {name}(self) -> {Config.__annotations__[name]}:\n"
            yield f'        """{option.doc[0].upper()}{option.doc[1:]}"""\n'
            yield f"    @{name}.setter\n    def {name}(self, value: {takes}) -> None: ...\n"
