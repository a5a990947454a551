"""Choose the members of a toolset: those that the program lists, or those that its driver has."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oai.lib._tool_runs import returns_awaitable
from oai.lib.browser.members import MEMBERS, OPENING_URLS


@dataclass(frozen=True)
class Selection:
    """The part of a driver that a toolset uses.

    Args:
        names: the names of the members.
        handlers: the driver's methods by these names; `list_tabs` has none.
        confirmed_reads: the names of the reads that need an approval before the state is read.
        is_explicit: whether the program listed all members.
    """

    names: frozenset[str]
    handlers: Mapping[str, Callable[..., Any]]
    confirmed_reads: frozenset[str]
    is_explicit: bool


def select(
    driver: object,
    members: object,
    additional_members: object,
    confirm_reads: Sequence[str] | None,
    *,
    is_async: bool,
) -> Selection:
    """Return the selected members with the driver's methods. Attributes for other members are not read.

    Raises:
        ValueError: a list is invalid, or a method is missing or of the wrong kind.
    """
    if members is not None and additional_members is not None:
        raise ValueError("pass members or additional_members, not both")
    listed, additional = _names("members", members), _names("additional_members", additional_members)
    required = listed if listed is not None else additional or frozenset()
    _check_kind(_static_method(driver, "state"), "state", is_async=is_async)
    handlers: dict[str, Callable[..., Any]] = {}
    for name, member in MEMBERS.items():
        if name in required or (listed is None and member.is_default):
            handlers |= _handler(driver, name, is_required=name in required, is_async=is_async)
    names = frozenset(handlers) | ({"list_tabs"} & (required if listed is not None else MEMBERS.keys()))
    return Selection(names, handlers, _confirmed_reads(confirm_reads, names), is_explicit=listed is not None)


def check_policies(selection: Selection, *, confirm: object, url_policy: object) -> None:
    """Check that the policies that the members need are there.

    Raises:
        ValueError: one is missing.
    """
    changing = sorted(name for name in selection.handlers if MEMBERS[name].needs_approval)
    if confirm is None and (changing or selection.confirmed_reads):
        names = ", ".join(changing) or "confirm_reads"
        raise ValueError(f"{names} require confirm, a function that approves each call")
    if url_policy is None and selection.names & OPENING_URLS:
        raise ValueError("navigate and new_tab require url_policy, a function that approves each URL")


def _names(option: str, value: object) -> frozenset[str] | None:
    if value is None:
        return None
    names = list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else None
    if names is None or not all(isinstance(name, str) and name in MEMBERS for name in names):
        raise ValueError(f"{option} must be a sequence of names of BROWSER_MEMBERS, not {value!r}")
    if len(set(names)) < len(names):
        raise ValueError(f"{option} has a name twice: {value!r}")
    return frozenset(names)


def _confirmed_reads(value: Sequence[str] | None, names: frozenset[str]) -> frozenset[str]:
    requested = list(value or ())
    reads = {name for name in names if not MEMBERS[name].needs_approval}
    if isinstance(value, str | bytes) or len(set(requested)) < len(requested) or not reads.issuperset(requested):
        raise ValueError(f"confirm_reads must be selected members that only read, each once, not {value!r}")
    return frozenset(requested)


def _handler(driver: object, name: str, *, is_required: bool, is_async: bool) -> dict[str, Callable[..., Any]]:
    """Return the driver's method by its name, or nothing if there is none and none is required."""
    if name == "list_tabs":
        return {}  # `state` is all that it takes
    method = getattr(driver, name, None)
    if callable(method):
        _check_kind(method, name, is_async=is_async)
        return {name: method}
    if is_required:
        raise ValueError(f"the selected member {name} is not implemented by the driver")
    return {}


def _static_method(driver: object, name: str) -> object:
    """Return a method without evaluating a property, which could already access the browser."""
    method = inspect.getattr_static(driver, name, None)
    return method.__func__ if isinstance(method, classmethod | staticmethod) else method


def _check_kind(method: object, name: str, *, is_async: bool) -> None:
    if callable(method) and returns_awaitable(method) is (not is_async):
        right = "BrowserToolset" if is_async else "AsyncBrowserToolset"
        raise ValueError(f"the driver's method {name} is one for {right}")
