"""Everything that is read of one version of the official SDK, in the process that has it installed.

A process that has another version, or only the SDK, writes it to a file (`dump`); this one reads it (`load`). So this
module and those that read imports only the standard library and what the SDK brings.
"""

from __future__ import annotations

import pickle
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tools.generate.ir import Facts, Official, OfficialSocket
from tools.generate.modules import ModuleFacts


@dataclass
class Sdk:
    """One version of the official SDK, as data."""

    version: str
    facts: Facts
    operations: list[Official]
    helpers: dict[str, str]
    """The methods that are not operations, by call path, with what they are."""
    sockets: list[OfficialSocket]
    modules: dict[str, ModuleFacts]
    resources: dict[tuple[str, str], str]
    """The resource classes by where they are defined, with a kind and a call path each: `sync_raw.chat.completions`."""
    surface: dict[str, str]
    """Everything that a user can name (`tools.generate.surface`)."""


def read(options: Collection[str]) -> Sdk:
    """Read the SDK that this process can import.

    Args:
        options: parameters of every method that opens a WebSocket, which are not part of the API.
    """
    import openai

    from tools.generate.facts import Reader
    from tools.generate.modules import read_modules, read_resources
    from tools.generate.operations import read_operations
    from tools.generate.sockets import read_sockets
    from tools.generate.surface import read_official

    reader = Reader()
    facts = reader.read()
    operations, helpers = read_operations(reader)
    sockets = read_sockets(reader, options)
    modules = read_modules("openai")
    surface = read_official(modules, helpers)
    return Sdk(openai.__version__, facts, operations, helpers, sockets, modules, read_resources(), surface)


def dump(path: str, *options: str) -> None:
    """Write what this process reads."""
    Path(path).write_bytes(pickle.dumps(read(options)))


def load(path: Path) -> Sdk:
    """Return what another process has written; it is one that this program has started."""
    sdk = pickle.loads(path.read_bytes())
    assert isinstance(sdk, Sdk)
    return sdk
