"""Compare what a user can name of `oai` with what the official SDK has (`tools.generate.surface`).

Only what the SDK has counts: more is no difference. Generated names that are placeholders are missing.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from functools import cache
from typing import Any
from unittest import mock

import oai
from oai._http.response import Response
from oai._table.load import shipped_table
from oai._table.websocket_row import WebSocketRow
from tools.generate.drift import Difference
from tools.generate.pin import ROOT
from tools.generate.sdk import Sdk
from tools.generate.surface import Surface, call, default_of, describe, rules, seconds
from tools.generate.write_names import MISSING

SURFACE = "surface"

EMPTY = {"unset", "object", "{}", "()", "[]", "''"}
"""Defaults that mean the same."""


def against_surface(sdk: Sdk) -> Iterator[Difference]:
    """Yield what the SDK has and `oai` has not, or has otherwise."""
    ours = read_ours(sdk)
    for name, theirs in sdk.surface.items():
        if name.endswith("(**)"):
            continue
        owner, key = _split(name)
        if owner and owner not in ours and owner in sdk.surface:
            continue  # reported once, for what has these parameters or members
        if name not in ours and _takes(ours, owner, key):
            continue
        if name not in ours:
            yield Difference(SURFACE, "missing", owner or name, key if owner else "", theirs=theirs)
        elif not _fits(ours[name], theirs):
            yield Difference(SURFACE, "changed", owner or name, key if owner else "", ours[name], theirs)


def _split(name: str) -> tuple[str, str]:
    """Return what a parameter or a member belongs to, and its own name; nothing for what stands by itself."""
    owner, bracket, rest = name.partition("(")
    if bracket:
        return owner, f"({rest}"
    kind, colon, path = owner.rpartition(":")
    if kind in ("", "name") and "." in path:
        above, _, last = path.rpartition(".")
        if above.rpartition(".")[2][:1].isupper():
            return f"{kind}{colon}{above}", f".{last}"
    return "", name


def _takes(ours: Surface, owner: str, key: str) -> bool:
    """Return whether a method takes a parameter by `**options`, which are those of its class or of `request`."""
    above = owner.rpartition(".")[0]
    name = key.removeprefix("(set_") if key.startswith("(set_default_") else key[1:]
    return f"{owner}(**)" in ours and any(f"{place}({name}" in ours for place in (above, f"{above}.request"))


def _fits(ours: str, theirs: str) -> bool:
    if ours == theirs or theirs in ("required", "unset") or {ours, theirs} <= EMPTY:
        return True
    # What can be called there can be called here, and what is a value is one; a class may be a function here.
    callable_ = ("callable", "method", "class")
    return ours in callable_ and theirs in callable_


def read_ours(sdk: Sdk) -> Surface:
    """Return the same of `oai`, for the names that the SDK has."""
    found: Surface = {}
    for name in (each.removeprefix("all:") for each in sdk.surface if each.startswith("all:")):
        if hasattr(oai, name) and not _is_placeholder(value := getattr(oai, name)):
            found |= {f"all:{name}": "name"} | describe(name, value)
    for name in sdk.surface:
        kind, _, path = name.partition(":")
        if kind == "module" and _exists(path):
            found[name] = "module"
        elif kind == "name" and path.count("(") == 0:
            found |= _named(path, sdk)
        elif kind == "environ" and path in _sources():
            found[name] = "read"
    for is_async, client in ((False, oai.OpenAI(api_key="k")), (True, oai.AsyncOpenAI(api_key="k"))):
        for path in sdk.helpers:
            found |= _with_defaults(path, call(path, client, is_async=is_async))
    client = oai.OpenAI(api_key="k", organization="o", project="p")
    sent = {each.lower() for each in client.default_headers}
    found |= {name: "sent" for name in sdk.surface if name.partition(":")[2].lower() in sent and "header:" in name}
    return found | _our_rules()


def _with_defaults(path: str, found: Surface) -> Surface:
    """Return the parameters of a helper with the defaults of the function that does it, which its method leaves out."""
    helper = shipped_table().helpers[path]
    parameters = inspect.signature(helper.target).parameters
    for key, text in found.items():
        name = key.partition("(")[2].removesuffix(")")
        if text == "unset" and name in parameters:
            found[key] = default_of(parameters[name])
        if text == "unset" and name == "max_queue_size" and isinstance(helper, WebSocketRow):
            found[key] = str(helper.max_queue_size)
    return found


def _exists(path: str) -> bool:
    try:
        importlib.import_module(f"oai.{path}")
    except ImportError:
        return False
    return True


def _named(path: str, sdk: Sdk) -> Surface:
    """Return what a name of one of the SDK's public modules is here, with its parameters and members."""
    module, _, name = path.rpartition(".")
    if f"openai.{module}" not in sdk.modules:
        return {}  # a member of a class
    try:
        value = getattr(importlib.import_module(f"oai.{module}"), name)
    except (ImportError, AttributeError):
        return {}
    if _is_placeholder(value):
        return {}
    return {f"name:{key}": text for key, text in describe(path, value).items()}


def _is_placeholder(value: Any) -> bool:
    return getattr(value, "__module__", "") == MISSING


@cache
def _sources() -> str:
    """Return the text of the package that is written by hand, in which a variable that is read has its name."""
    paths = [path for end in ("*.py", "*.toml") for path in (ROOT / "oai").rglob(end)]
    return "\n".join(path.read_text() for path in paths if "types" not in path.relative_to(ROOT).parts)


def _our_rules() -> Surface:
    from oai._errors import APIStatusError
    from oai._flow.retry import may_retry, retry_after, retry_delay

    def retried(status: int, headers: dict[str, str]) -> bool:
        response = Response.__new__(Response)
        with mock.patch.object(Response, "headers", headers), mock.patch.object(Response, "status_code", status):
            error = APIStatusError.__new__(APIStatusError)
            error.__dict__.update(response=response, status_code=status, code=None, type=None)
            return may_retry(error)[0]

    def delay(attempt: int, headers: dict[str, str]) -> float:
        with mock.patch("oai._flow.retry.os.urandom", return_value=b"\0"):
            return retry_delay(attempt, retry_after(headers))

    timeout = oai.DEFAULT_TIMEOUT
    return rules(retried, delay) | {
        "constant:DEFAULT_MAX_RETRIES": str(oai.DEFAULT_MAX_RETRIES),
        "constant:DEFAULT_TIMEOUT": seconds(timeout),
    }
