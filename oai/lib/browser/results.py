"""Copy what a driver's method returned, with all that a model may get of it, and nothing else.

The copies are made before anything of the program runs again, so that a result cannot change once it was checked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, TypeVar, get_args

from oai.lib.browser.reports import BrowserReadElement, BrowserReadOption, BrowserReadScope, Omission, Role
from oai.lib.browser.values import exactly, mapping, one_of, own_text, text

R = TypeVar("R")

ROLES: Final = get_args(Role)
OMISSIONS: Final = get_args(Omission)
CHECKABLE: Final = ("checkbox", "radio")
DETAILS: Final = ("auto", "low", "high", "original")
IMAGE_FIELDS: Final = ("type", "image_url", "file_id", "detail", "prompt_cache_breakpoint")
FILE_FIELDS: Final = ("version", "status", "effect", "cleanup")
CLEANUPS: Final = ("not_started", "pending", "completed")
EFFECTS: Final = {
    "completed": ("completed",),
    "refused": ("none",),
    "unknown": ("unknown",),
    "interrupted": ("none", "unknown"),
}
"""The possible effects of a file transfer, by its status."""


def _concealing(message: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Let a function raise only a RuntimeError with this message: other errors may contain private data."""

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        @wraps(function)
        def call(*arguments: Any, **options: Any) -> R:
            try:
                return function(*arguments, **options)
            except Exception:  # noqa: BLE001 - the driver's dicts may raise anything
                raise RuntimeError(message) from None

        return call

    return decorate


def unchanged(result: object) -> object:
    """Return the result, a text or `None`, which the output of the call checks."""
    return result


@_concealing("the driver returned an invalid report of a page")
def read_report(result: Any, *, plain: bool = True, elements: bool = True, scopes: bool = False) -> Any:
    """Return a report of a page, or a text.

    Args:
        result: what the driver returned.
        plain: whether it may be a text or `None`.
        elements: whether a report may have elements.
        scopes: whether a report has scopes.

    Raises:
        RuntimeError: it is invalid.
    """
    if plain and (result is None or isinstance(result, str)):
        return result
    report = exactly(dict, result)
    _check_version(report)
    lists = [exactly(list, report.get(name)).copy() for name in ("elements", "omitted", *["scopes"] * scopes)]
    if lists[0] and not elements:
        raise ValueError("this report must not have elements")
    refs: set[str] = set()
    return {
        "version": 1,
        "text": text(report.get("text"), empty=True),
        "elements": [_element(element, refs) for element in lists[0]],
        "omitted": _omissions(lists[1]),
        **({"scopes": [_scope(scope, refs) for scope in lists[2]]} if scopes else {}),
    }


def _check_version(report: dict[Any, Any]) -> None:
    if exactly(int, report.get("version")) != 1:
        raise ValueError("unknown version")


def _element(value: object, refs: set[str]) -> BrowserReadElement:
    source = exactly(dict, value)
    role: Role = one_of(ROLES, source.get("role"))
    element: BrowserReadElement = {"ref": _new_ref(source, refs), "role": role, "label": text(source.get("label"), 256)}
    if role in CHECKABLE and "checked" in source:
        element["checked"] = exactly(bool, source["checked"])
    if "value" in source:
        element["value"] = text(source["value"], 512, empty=True)
    if "options" in source:
        options = exactly(list, source["options"]).copy()
        element["options"] = [_option(option, may_be_selected=role == "listbox") for option in options]
    return element


def _new_ref(source: dict[Any, Any], refs: set[str]) -> str:
    """Return the reference of an element or scope, which no other one may have."""
    ref = text(source.get("ref"), 256)
    if ref in refs:
        raise ValueError("a reference stands for two things")
    refs.add(ref)
    return ref


def _option(value: object, *, may_be_selected: bool) -> BrowserReadOption:
    source = exactly(dict, value)
    option: BrowserReadOption = {
        "label": text(source.get("label"), 256),
        "value": text(source.get("value"), 512, empty=True),
    }
    if may_be_selected and "selected" in source:
        option["selected"] = exactly(bool, source["selected"])
    return option


def _omissions(values: list[object]) -> list[Omission]:
    omissions: list[Omission] = [one_of(OMISSIONS, value) for value in values]
    if len(set(omissions)) < len(omissions):
        raise ValueError("something is omitted twice")
    return omissions


def _scope(value: object, refs: set[str]) -> BrowserReadScope:
    source = exactly(dict, value)
    return {"ref": _new_ref(source, refs), "label": text(source.get("label"), 256)}


@_concealing("the driver must return an input_image with image_url, file_id or both")
def input_image(result: object) -> dict[str, Any]:
    """Return a picture, as a part of an item of input.

    Raises:
        RuntimeError: it is not a picture.
    """
    source = mapping(result)
    if set(source) - set(IMAGE_FIELDS):
        raise ValueError("unknown fields")
    image: dict[str, Any] = {name: own_text(source[name]) for name in IMAGE_FIELDS if name in source}
    one_of(("input_image",), image.get("type"))
    addresses = [image[name] for name in ("image_url", "file_id") if image.get(name) is not None]
    if not addresses or not all(text(address, empty=True).strip() for address in addresses):
        raise ValueError("no picture")
    if image.get("detail") is not None:
        one_of(DETAILS, image["detail"])
    if image.get("prompt_cache_breakpoint") is not None:
        image["prompt_cache_breakpoint"] = _cache_breakpoint(image["prompt_cache_breakpoint"])
    return image


def _cache_breakpoint(value: object) -> dict[str, str]:
    if mapping(value) != {"mode": "explicit"}:
        raise ValueError("unknown breakpoint")
    return {"mode": "explicit"}


@_concealing("the driver must return the result of a script as a text")
def script_text(result: object) -> str:
    """Return the result of a script.

    Raises:
        RuntimeError: it is not text.
    """
    return text(result, empty=True)


@_concealing("the driver returned an invalid outcome of a file transfer")
def file_outcome(result: object) -> dict[str, Any]:
    """Return how the transfer of a file ended.

    Raises:
        RuntimeError: it is invalid.
    """
    outcome = exactly(dict, result).copy()
    if sorted(exactly(str, name) for name in outcome) != sorted(FILE_FIELDS):
        raise ValueError("unknown or missing fields")
    _check_version(outcome)
    one_of(EFFECTS[one_of(EFFECTS, outcome["status"])], outcome["effect"])
    one_of(CLEANUPS, outcome["cleanup"])
    return {name: outcome[name] for name in FILE_FIELDS}
