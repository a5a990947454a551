"""The names of the official SDK's modules, under `oai`: each is here, or a placeholder that says why it is not."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from paths import ROOT

import oai
from oai._official.missing import REASONS
from oai._official.version import __version__ as official_version
from oai.as_openai import module_name
from tools.generate.generated import of_installed

openai = pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")

PUBLIC = ("auth", "lib", "pagination", "providers", "resources", "version")

IMPORTED_BY_OTHERS = (
    *("_base_client", "_client", "_compat", "_constants", "_exceptions", "_legacy_response", "_models", "_qs"),
    *("_resource", "_response", "_streaming", "_types", "_utils", "_utils._transform", "_utils._utils", "_version"),
    *("lib._parsing", "lib._parsing._completions", "lib._parsing._responses", "lib._pydantic", "lib._tools"),
)
"""Private modules that packages on GitHub and PyPI import."""


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-a-test")


def test_every_name_that_the_sdk_exports_is_there() -> None:
    missing = [name for name in openai.__all__ if not hasattr(oai, name)]
    assert missing == []
    assert [name for name in openai.__all__ if is_placeholder(getattr(oai, name))] == []


def test_settings_and_call_paths_of_the_module_are_there() -> None:
    names = [name for name in vars(openai) if name.islower() and name[0] != "_" and not hasattr(oai, name)]
    assert names == ["override"]  # Python's own


WITHOUT_COUNTERPART = {
    "lib.live": "groups transcripts",
    "lib.realtime_translation": "a layer over the connection of `client.realtime`",
    "lib.responses_websocket": "a layer over the connection of `client.responses`",
    "lib.streaming": "type variables of its event handlers",
    "resources": "classes behind the attributes of its WebSocket connections",
}
"""Public modules whose names are placeholders, all or some of them, and what they are."""


def is_placeholder(value: object) -> bool:
    return getattr(value, "__module__", "") == "oai._official.missing"


def modules() -> Iterator[str]:
    """Yield the names of the SDK's public modules below its own, private ones of public packages left out."""
    todo = list(PUBLIC)
    while todo:
        path = todo.pop()
        module = importlib.import_module(f"openai.{path}")
        yield path
        for found in pkgutil.iter_modules(getattr(module, "__path__", ())):
            if found.name[0] != "_":
                todo += [f"{path}.{found.name}"]


@cache
def defined(module: ModuleType) -> list[str]:
    """Return the public names that a module's own statements define, or that its `__all__` lists."""
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return sorted(name for name in listed if hasattr(module, name) and not inspect.ismodule(getattr(module, name)))
    statements = ast.parse(inspect.getsource(module)).body
    own = [each.name for each in statements if isinstance(each, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
    return [name for name in own if not name.startswith("_")]


@pytest.mark.parametrize("package", PUBLIC)
def test_every_name_of_a_public_module_is_there_or_has_a_reason(package: str) -> None:
    missing, without_counterpart, count = [], [], 0
    for path in modules():
        if path.partition(".")[0] != package:
            continue
        ours = importlib.import_module(module_name(f"openai.{path}"))
        for name in defined(importlib.import_module(f"openai.{path}")):
            count += 1
            if not hasattr(ours, name):
                missing.append(f"{path}.{name}")
            elif is_placeholder(getattr(ours, name)):
                without_counterpart.append(f"{path}.{name}")
    assert missing == []
    assert count or package == "version"
    areas = {path.rpartition(".")[0] for path in without_counterpart}
    assert {
        area for area in areas if not any(f"{area}.".startswith(f"{each}.") for each in WITHOUT_COUNTERPART)
    } == set()
    if package == "resources":
        assert len(without_counterpart) < 0.15 * count


@pytest.mark.parametrize("path", IMPORTED_BY_OTHERS)
def test_private_modules_that_others_import_are_there(path: str) -> None:
    ours = importlib.import_module(module_name(f"openai.{path}"))
    theirs = importlib.import_module(f"openai.{path}")
    if path == "_client":
        assert {"AsyncClient", "AsyncOpenAI", "Client", "OpenAI", "Timeout"} <= {*dir(ours)}
    else:
        assert [name for name in defined(theirs) if not hasattr(ours, name)] == []


def test_resource_classes_are_those_of_the_same_call_path() -> None:
    pairs = []
    for kind in ("OpenAI", "AsyncOpenAI"):
        theirs, ours = getattr(openai, kind)(api_key="k"), getattr(oai, kind)(transport=oai.OfflineTransport())
        for path in ("chat", "chat.completions", "models", "fine_tuning.jobs", "beta.threads.runs.steps", "webhooks"):
            for view in ("", "with_raw_response", "with_streaming_response"):
                official, own = theirs, ours
                for name in [*path.split("."), *filter(None, [view])]:
                    official, own = getattr(official, name, None), getattr(own, name)
                if official is not None:
                    pairs.append((type(official), type(own)))
    assert len(pairs) > 30
    for official_class, own_class in pairs:
        module = importlib.import_module(official_class.__module__.replace("openai.", "oai.", 1))
        assert getattr(module, official_class.__name__) is own_class


@pytest.mark.parametrize("reason", REASONS)
def test_reasons_are_used(reason: str) -> None:
    missing = importlib.import_module("oai._official.missing")
    with pytest.raises(NotImplementedError, match="is not available in oai"):
        getattr(missing, f"{reason}.Name")()


@pytest.mark.first
def test_the_files_of_names_are_up_to_date(tmp_path: Path) -> None:
    if openai.__version__ != official_version:
        return  # another version of the SDK has other names
    for package in of_installed().names.write(tmp_path):
        written = (tmp_path / package / "official.txt").read_text()
        assert written == (ROOT / "oai" / package / "official.txt").read_text()
