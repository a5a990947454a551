"""The official SDK's type modules exist under `oai.types`."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import oai.types

ROOT = "openai.types"

ABSENT = {
    "beta.chat": "an empty package",
    "containers.files": "an empty package",
    "skills.versions": "an empty package",
}


def test_types_can_be_imported_from_the_modules_of_the_official_sdk() -> None:
    from oai.types.chat import chat_completion
    from oai.types.chat.chat_completion import ChatCompletion, Choice

    assert Choice is oai.types.chat.ChatCompletionChoice
    assert ChatCompletion is oai.types.chat.ChatCompletion
    assert {"ChatCompletion", "Choice"} <= {*chat_completion.__all__} & {*dir(chat_completion)}
    everything: dict[str, Any] = {}
    exec("from oai.types.chat.chat_completion import *", everything)
    assert everything["Choice"] is Choice
    assert importlib.reload(chat_completion).Choice is Choice


def test_modules_are_attributes_of_their_packages() -> None:
    program = (
        "import oai.types.responses as package; module = package.response_output_text; "
        "print(module.ResponseOutputText is package.ResponseOutputText, hasattr(package, 'response_output_texts'))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_modules_have_the_types_that_the_official_ones_import() -> None:
    from oai.types.chat.chat_completion import CompletionUsage
    from oai.types.chat.parsed_chat_completion import ChatCompletion, ParsedChatCompletion

    assert CompletionUsage is oai.types.CompletionUsage
    assert issubclass(ParsedChatCompletion, ChatCompletion)


def test_module_that_the_official_sdk_does_not_have_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"oai\.types\.chat\.chat_completions"):
        importlib.import_module("oai.types.chat.chat_completions")
    module = importlib.import_module("oai.types.chat.chat_completion")
    with pytest.raises(AttributeError, match=r"module 'oai\.types\.chat\.chat_completion' has no attribute 'Chioce'"):
        _ = module.Chioce


def test_type_module_imports_its_names_on_use() -> None:
    program = (
        "import sys, oai.types.chat.chat_completion as module; before = 'oai.types.chat.structs' in sys.modules; "
        "module.Choice; print(before, 'oai.types.chat.structs' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def official() -> Iterator[tuple[str, str, Any]]:
    """Yield the public names of the official SDK: the module below its `types`, the name, and its value."""
    types = pytest.importorskip(ROOT, reason="the official SDK is not installed: pip install '.[official]'")
    for info in pkgutil.walk_packages(types.__path__, f"{ROOT}."):
        module = importlib.import_module(info.name)
        named = {name: value for name, value in vars(module).items() if not name.startswith("_")}
        own = [name for name, value in named.items() if getattr(value, "__module__", "").startswith(ROOT)]
        for name in getattr(module, "__all__", own):
            yield info.name.removeprefix(f"{ROOT}."), name, named[name]


def test_class_has_the_bases_of_the_official_one() -> None:
    """Programs tell events by `isinstance`, and those of a WebSocket extend those of a stream."""
    ours = {value: getattr(importlib.import_module(f"oai.types.{place}"), name) for place, name, value in official()}
    pairs = [
        (ours[value], ours[base])
        for value in ours
        for base in getattr(value, "__bases__", ())
        if base in ours and isinstance(base, type)
    ]
    assert len(pairs) > 140
    assert [pair for pair in pairs if not issubclass(*pair)] == []


def test_every_type_of_the_official_sdk_is_in_the_same_module() -> None:
    names = [(place, name) for place, name, _ in official() if place not in ABSENT]
    missing = [pair for pair in names if not hasattr(importlib.import_module(f"oai.types.{pair[0]}"), pair[1])]
    assert len(names) > 6000
    assert missing == []
