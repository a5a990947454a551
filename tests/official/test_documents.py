"""Every import in the official SDK's documents and examples works here, and every method that they list is there.

The documents are in the SDK's source distribution, whose directory `OFFICIAL_SDIST` names; `test_snippets` runs what they
show.
"""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import oai
from oai._official import missing
from tests.official.documents import FENCE, MISSING, SDIST

METHOD = re.compile(r">client\.([\w.]+)\.<a [^>]+>(\w+)</a>\((.*?)\) ->")
"""A method in `api.md`: its namespace, its name, and its parameters, of which those of the path have their names."""


def documents() -> list[Path]:
    if SDIST is None:
        return []
    found = [*SDIST.glob("*.md"), *(SDIST / "src").rglob("*.md"), *(SDIST / "examples").rglob("*.md")]
    return sorted([*found, *(SDIST / "examples").rglob("*.py")])


def sources(path: Path) -> list[str]:
    text = path.read_text()
    return [text] if path.suffix == ".py" else FENCE.findall(text)


def imports(source: str) -> list[tuple[str, str]]:
    """Return the modules of the SDK that a source imports, each with a name of it, which may be empty."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return []  # a piece of code with `...` where the reader's own goes
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "openai":
            found += [(node.module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names if alias.name.partition(".")[0] == "openai"]
    return found


def value_of(module: str, name: str) -> Any:
    home = import_module(module.replace("openai", "oai", 1))
    if not name:
        return home
    return getattr(home, name) if hasattr(home, name) else import_module(f"{home.__name__}.{name}")


def test_imports_of_documents_and_examples_work() -> None:
    if SDIST is None:
        pytest.skip(MISSING["helpers"])
    found = {pair for path in documents() for source in sources(path) for pair in imports(source)}
    assert len(found) > 300
    unavailable = {
        module for module, name in found if isinstance(value_of(module, name), type(missing.__getattr__("v0.X")))
    }
    assert unavailable == set()


def test_methods_of_the_lists_are_there_with_their_parameters() -> None:
    if SDIST is None:
        pytest.skip(MISSING["helpers"])
    listed = [found for path in documents() if path.name == "api.md" for found in METHOD.findall(path.read_text())]
    assert len(listed) > 350
    client = oai.OpenAI(api_key="key", admin_api_key="key")
    for namespace, name, parameters in listed:
        owner: Any = client
        for part in namespace.split("."):
            owner = getattr(owner, part)
        wanted = [word for word in parameters.replace(" ", "").split(",") if word.isidentifier()]
        assert {*wanted} <= {*inspect.signature(getattr(owner, name)).parameters}, f"{namespace}.{name}"
