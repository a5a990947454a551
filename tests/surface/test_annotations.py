"""Annotations of public classes and functions can be evaluated, as frameworks and documentation tools do."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import pydoc
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from contextlib import suppress
from operator import attrgetter
from types import ModuleType
from typing import Any

import pytest

import oai
from oai._table.load import shipped_table

PACKAGES = (
    "oai",
    "oai.as_openai",
    "oai.auth",
    "oai.helpers",
    "oai.lib",
    "oai.otel",
    "oai.pagination",
    "oai.providers",
    "oai.resources",
    "oai.testing",
    "oai.transports",
    "oai.types",
)


def modules() -> Iterator[ModuleType]:
    """Yield the packages and their public modules, except those whose extra is not installed."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        yield package
        inner = getattr(package, "__path__", ()) if name != "oai" else ()
        for found in pkgutil.walk_packages(inner, f"{name}."):
            if not any(part.startswith("_") for part in found.name.split(".")):
                with suppress(ImportError):
                    yield importlib.import_module(found.name)


def public_names(module: ModuleType) -> Iterator[str]:
    """Yield the names that a module exports: `__all__`, those of a package, or those that the module defines."""
    if hasattr(module, "__all__"):
        yield from module.__all__
    elif hasattr(module, "__path__"):
        yield from (name for name in dir(module) if name[0] != "_")
    else:
        own = vars(module).items()
        yield from (name for name, value in own if name[0] != "_" and value_of(value, "__module__") == module.__name__)


def value_of(value: object, name: str) -> Any:
    return getattr(value, name, None) if isinstance(value, type) or inspect.isfunction(value) else None


def public_callables() -> dict[str, Any]:
    """Return the public classes and functions, and the public methods and properties of the classes, by path."""
    found: dict[int, tuple[str, Any]] = {}
    for module in modules():
        for name in public_names(module):
            value = getattr(module, name)
            if str(value_of(value, "__module__")).startswith("oai"):
                found.setdefault(id(value), (f"{value.__module__}.{value.__qualname__}", value))
                for path, function in functions_of(value) if isinstance(value, type) else ():
                    found.setdefault(id(function), (path, function))
    return dict(found.values())


def functions_of(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield the constructor and the public methods of a class and its bases, and the getters of its properties."""
    for base in cls.__mro__:
        for name, value in vars(base).items() if base.__module__.startswith("oai") else ():
            function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
            if inspect.isfunction(function) and (name[0] != "_" or name == "__init__"):
                yield f"{base.__module__}.{base.__qualname__}.{name}", function


CALLABLES = public_callables()


def failures(check: Callable[[Any], object], callables: dict[str, Any]) -> list[str]:
    """Return what `check` raises, by path."""
    raised = []
    for path, value in callables.items():
        try:
            check(value)
        except Exception as error:  # noqa: BLE001 - any is the fault
            raised.append(f"{path}: {error!r}")
    return raised


def evaluated_signature(value: Any) -> object:
    try:
        return inspect.signature(value, eval_str=True)
    except ValueError as error:
        if "no signature found" not in str(error):  # of a class that is written in C, as exceptions are
            raise
        return None


def test_all_public_names_are_looked_at() -> None:
    assert len(CALLABLES) > 3000
    for name in ("oai._http.response.Response", "oai._errors.APIError.__init__", "oai._client.base.Client.__init__"):
        assert name in CALLABLES


def test_type_hints_of_public_callables_are_evaluated() -> None:
    assert failures(typing.get_type_hints, CALLABLES) == []


def test_signatures_of_public_callables_are_evaluated() -> None:
    assert failures(evaluated_signature, CALLABLES) == []


def test_help_of_public_callables_is_shown() -> None:
    callables = {path: value for path, value in CALLABLES.items() if ".types." not in path}
    assert failures(pydoc.render_doc, callables) == []


@pytest.mark.parametrize("cls", [oai.OpenAI, oai.AsyncOpenAI])
def test_type_hints_of_all_operations_and_helpers_are_evaluated(cls: type[Any]) -> None:
    client = cls(transport=oai.OfflineTransport())
    table = shipped_table()
    methods = {path: attrgetter(path)(client) for path in (*table, *table.helpers, *table.aliases)}
    assert failures(typing.get_type_hints, methods) == []


def test_types_of_operations_are_those_of_the_package() -> None:
    hints = typing.get_type_hints(oai.OpenAI(transport=oai.OfflineTransport()).chat.completions.create)
    assert hints["return"] is oai.types.chat.ChatCompletion
    assert hints["temperature"] == float | None


def test_help_of_the_request_of_an_error() -> None:
    fake = oai.FakeTransport()
    fake.models.list.fails(404)
    with pytest.raises(oai.NotFoundError) as raised:
        oai.OpenAI(transport=fake).models.list()
    error = raised.value
    assert "redacted" in pydoc.render_doc(type(error.request))
    assert typing.get_type_hints(type(error.request))["headers"] is oai.Headers


def printed_by(code: str) -> str:
    """Return what a fresh interpreter prints."""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return ran.stdout


def test_types_in_modules_that_are_not_imported_are_evaluated() -> None:
    code = (
        "import typing, oai\n"
        "client = oai.OpenAI(transport=oai.OfflineTransport())\n"
        "print(typing.get_type_hints(client.beta.agents.sessions.create)['tool_handlers'])"
    )
    assert printed_by(code).startswith("collections.abc.Mapping[str, collections.abc.Callable[")


def test_types_of_a_library_that_is_not_installed_are_any() -> None:
    code = (
        "import sys, typing; sys.modules['httpx'] = None\n"
        "from oai.transports.httpx import HttpxTransport\n"
        "print(typing.get_type_hints(HttpxTransport.__init__)['client'])"
    )
    assert printed_by(code) == "typing.Any\n"
