"""The transports use documented names of other libraries alone, so that their updates do not break them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from paths import ROOT

MODULES = sorted(path for path in (ROOT / "oai/transports").glob("*.py") if path.name != "__init__.py")

OURS = {"self", "cls", "transport", "reply", "recorder", "other", "side"}
"""Names of our own objects, whose private attributes a module may use."""

UNDOCUMENTED = {"http.client": {"HTTPResponse", "HTTPMessage", "HTTPConnection"}}
"""Classes whose subclasses would have to know undocumented fields."""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_private_attribute_of_another_object_is_used(path: Path) -> None:
    tree = ast.parse(path.read_text())
    private = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not _is_ours(node.value)
    ]
    assert not private


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_no_class_of_http_client_is_used(path: Path) -> None:
    """Its classes were read through undocumented fields once; its exceptions and constants are documented."""
    names = {
        node.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "http.client"
    }
    assert not names & UNDOCUMENTED["http.client"]


def _is_ours(value: ast.expr) -> bool:
    while isinstance(value, ast.Attribute):  # `self._transport._closed`
        if value.attr.startswith("_"):
            return True
        value = value.value
    return (isinstance(value, ast.Name) and value.id in OURS) or isinstance(value, ast.Call)
