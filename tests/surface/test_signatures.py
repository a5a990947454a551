"""What `inspect`, `help` and the site show of public callables."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import pydoc
import re
from collections.abc import Iterator
from contextlib import suppress
from operator import attrgetter
from typing import Any

import pytest

import oai
from oai._table.load import shipped_table


def public_modules() -> Iterator[Any]:
    """Yield the public modules, except the generated types and resources, and those whose extra is not installed."""
    yield oai
    for found in pkgutil.walk_packages(oai.__path__, "oai."):
        parts = found.name.split(".")[1:]
        if parts[0] not in ("types", "resources") and not any(part.startswith("_") for part in parts):
            with suppress(ImportError):
                yield importlib.import_module(found.name)


def callables(module: Any) -> Iterator[Any]:
    """Yield the public functions and classes of a module, and the methods of the classes."""
    exported = getattr(module, "__all__", ())
    for name in exported or dir(module):
        try:
            value = getattr(module, name)
        except ImportError:  # of an extra that is not installed
            continue
        home = str(getattr(value, "__module__", ""))
        is_own = home == module.__name__ or (name in exported and home.startswith("oai."))
        if name[0] != "_" and is_own and callable(value):
            yield value
            yield from (method for key, method in vars(value).items() if key[0] != "_" and inspect.isfunction(method))


def shown(function: Any) -> str:
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):  # it has none, as some callables that are written in C
        return ""


def test_signatures_of_public_callables_can_be_read() -> None:
    functions = [function for module in public_modules() for function in callables(module)]
    assert len(functions) > 300
    for function in functions:
        text = shown(function)
        assert "ForwardRef" not in text, f"{function}{text}: see oai._support.named_tuples"
        assert not re.search(r"<oai[\w.]* object at 0x", text), f"{function}{text}"


@pytest.mark.parametrize("view", ["", "with_raw_response", "with_streaming_response"])
@pytest.mark.parametrize("cls", [oai.OpenAI, oai.AsyncOpenAI])
def test_signatures_of_all_operations_and_helpers_can_be_read(cls: type[Any], view: str) -> None:
    client = cls(transport=oai.OfflineTransport())
    table = shipped_table()
    for path in (*table, *table.helpers, *table.aliases):
        try:
            function = attrgetter(f"{view}.{path}" if view else path)(client)
        except AttributeError:
            assert view, path  # a WebSocket or a helper has no raw response
            continue
        text = shown(function)
        assert text, path
        assert "ForwardRef" not in text, path
        assert " object at 0x" not in text, path


def test_help_describes_the_events_of_a_stream() -> None:
    from oai.lib.streaming.chat import ChunkEvent, LogprobsContentDoneEvent

    for event in (ChunkEvent, LogprobsContentDoneEvent):
        assert event.__name__ in pydoc.render_doc(event)
        assert "chunk" in shown(event) or "content" in shown(event)


def test_named_tuples_show_their_annotations() -> None:
    from oai.testing import Part

    assert "content_type: 'str | None'" in shown(Part)


def test_the_site_shows_annotations_without_quotes() -> None:
    from tools.site.reference import pages

    page = pages()["oai"]
    assert "max_retries: int = 2" in page
    assert "ForwardRef" not in page
