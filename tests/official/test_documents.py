"""Every import in the official SDK's documents and examples works here, with the package's name changed.

The documents are in the SDK's source distribution, whose directory `OFFICIAL_SDIST` names; `test_readme` runs what two of
them show.
"""

from __future__ import annotations

import ast
import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from oai._official import missing

SDIST = Path(os.environ["OFFICIAL_SDIST"]) if "OFFICIAL_SDIST" in os.environ else None
FENCE = re.compile(r"^```(?:py|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


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
        pytest.skip("OFFICIAL_SDIST names no directory of the official SDK's source distribution (.ci/run fetches it)")
    found = {pair for path in documents() for source in sources(path) for pair in imports(source)}
    assert len(found) > 300
    unavailable = {
        module for module, name in found if isinstance(value_of(module, name), type(missing.__getattr__("v0.X")))
    }
    assert unavailable == set()
