"""Copy the state that a driver reports, with all that policies and the model may get of it, and check it.

A driver may report an observation too. Then the whole report must be in its stricter form, and an observation after a
call must continue the one before it, so that no change gets lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from oai.lib.browser.origins import origin, strict_origin
from oai.lib.browser.reports import BrowserObservationV1, BrowserState
from oai.lib.browser.values import entries, exactly, integer, mapping, one_of, own_text, text

if TYPE_CHECKING:
    from oai.lib.browser.reports import BrowserStateChange, BrowserTab

LONGEST_ID: Final = 128
LONGEST_TITLE: Final = 1024
"""In bytes of UTF-8."""

CHANGES: Final[dict[str, tuple[str, tuple[str, ...]] | None]] = {
    "tab_opened": None,
    "tab_closed": None,
    "tab_switched": None,
    "navigation": None,
    "navigation_refused": ("reason", ("policy", "unsupported")),
    "download": ("status", ("blocked", "started", "completed", "failed")),
    "dialog_dismissed": ("kind", ("alert", "confirm", "prompt", "beforeunload", "other")),
}
"""The types of changes, and the further field that a change of the type has, with its values."""

OUTSIDE_TABS: Final = ("navigation_refused", "download")
"""Types of changes whose `tab_id` may be `None`."""


def project_state(report: object, previous: BrowserObservationV1 | None = None) -> BrowserState:
    """Return the state of a browser.

    Args:
        report: what the driver's `state` returned.
        previous: the observation of the state before, if it had one.

    Raises:
        ValueError: it is invalid. The text may have private data.
    """
    source = mapping(report)
    sources = entries(source.get("tabs"))
    if "observation" not in source:
        if previous is not None:
            raise ValueError("the observation ended")
        return {"tabs": _checked([_tab(tab) for tab in sources])}
    observation = _observation(mapping(source["observation"]))
    if previous is not None:
        _check_continues(observation, previous)
    tabs = [_observed_tab(tab, observation) for tab in sources]
    return {"tabs": _checked(tabs), "observation": observation}


def _tab(value: object) -> BrowserTab:
    source = mapping(value)
    tab_id, title, url = (exactly(str, own_text(source.get(name))) for name in ("id", "title", "url"))
    return {"id": tab_id, "title": title, "url": origin(url), "active": exactly(bool, source.get("active"))}


def _observed_tab(value: object, observation: BrowserObservationV1) -> BrowserTab:
    source = mapping(value)
    tab_id, title, url = (exactly(str, own_text(source.get(name))) for name in ("id", "title", "url"))
    shown = text(title, empty=True).encode()[:LONGEST_TITLE].decode(errors="ignore")
    if shown != title:
        observation["title_truncated"] = True
    return {
        "id": text(tab_id, LONGEST_ID),
        "title": shown,
        "url": strict_origin(url),
        "active": exactly(bool, source.get("active")),
    }


def _checked(tabs: list[BrowserTab]) -> list[BrowserTab]:
    """Return tabs with different ids, one of which is active if there are any."""
    if len({tab["id"] for tab in tabs}) < len(tabs) or (tabs and sum(tab["active"] for tab in tabs) != 1):
        raise ValueError("two tabs with one id, or no active tab or several")
    return tabs


def _observation(source: dict[str, object]) -> BrowserObservationV1:
    if exactly(int, source.get("version")) != 1:
        raise ValueError("unknown version")
    sequence, dropped = integer(source.get("sequence")), integer(source.get("dropped_changes"))
    changes = entries(source.get("changes"))
    if sequence != dropped + len(changes):
        raise ValueError("changes are missing")
    return {
        "version": 1,
        "sequence": sequence,
        "dropped_changes": dropped,
        "title_truncated": exactly(bool, source.get("title_truncated")),
        "changes": [_change(mapping(change), number) for number, change in enumerate(changes, dropped + 1)],
    }


def _change(source: dict[str, object], sequence: int) -> BrowserStateChange:
    kind = one_of(CHANGES, own_text(source.get("type")))
    if integer(source.get("sequence")) != sequence:
        raise ValueError("a change is missing")
    tab_id = own_text(source.get("tab_id"))
    if tab_id is not None or kind not in OUTSIDE_TABS or "tab_id" not in source:
        text(tab_id, LONGEST_ID)
    change: Any = {"type": kind, "sequence": sequence, "tab_id": tab_id}
    detail = CHANGES[kind]
    if detail is not None:
        name, values = detail
        change[name] = one_of(values, own_text(source.get(name)))
    return cast("BrowserStateChange", change)


def _check_continues(observation: BrowserObservationV1, previous: BrowserObservationV1) -> None:
    """Check that an observation has the changes of the one before, except for those dropped since."""
    dropped = observation["dropped_changes"] - previous["dropped_changes"]
    if dropped < 0 or observation["sequence"] < previous["sequence"]:
        raise ValueError("the observation started again")
    kept = previous["changes"][dropped:]
    if observation["changes"][: len(kept)] != kept:
        raise ValueError("the observation was rewritten")
