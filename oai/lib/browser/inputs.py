"""The arguments of the members, as the driver's methods get them, and what a policy learns about a call.

`tab_id` is the id of a tab, `None` for the active one. A `target` is a reference that a read returned. Coordinates are
in pixels of the whole viewport, also after a zoom. Times are in milliseconds.
"""

from typing import Literal, TypedDict

from oai.lib.browser.reports import BrowserState

Modifier = Literal["Control", "Alt", "Meta", "Shift"]


class TabInput(TypedDict):
    """The tab of the call."""

    tab_id: str | None


class ZoomInput(TabInput):
    """The part of the viewport to capture: left, top, right, bottom."""

    region: list[int]


class NavigateInput(TabInput):
    """The URL to go to. It may be a word that the driver knows, such as `back`."""

    url: str


class ReadPageInput(TabInput):
    """Which elements to report."""

    filter: Literal["all", "interactive"]


class ReadPageScopedInput(ReadPageInput):
    """The scope to read, `None` to find the scopes of the page, and how many levels below it."""

    root: str | None
    depth: int


class ReadDiagnosticsInput(TabInput):
    """What to read, and the maximum number of entries."""

    source: Literal["console", "network"]
    limit: int


class RunScriptInput(TabInput):
    """The script, and how long it may run."""

    source: str
    timeout_ms: int


class FindInput(TabInput):
    """The text or description of the elements to find."""

    query: str


class ClickInput(TabInput):
    """The element to act on."""

    target: str


class BrowserPoint(TypedDict):
    """A point in the viewport."""

    x: int
    y: int


class ClickAtInput(TabInput):
    """Where and how to click, and which keys to hold meanwhile."""

    x: int
    y: int
    button: Literal["left", "right", "middle"]
    click_count: Literal[1, 2, 3]
    keys: list[Modifier]


class HoverAtInput(TabInput):
    """Where to put the pointer."""

    x: int
    y: int


class SetCheckedInput(ClickInput):
    """The state that a checkbox is to have."""

    checked: bool


class DragPathInput(TabInput):
    """The points to drag through, and which keys to hold meanwhile."""

    path: list[BrowserPoint]
    keys: list[Modifier]


class HoldKeysInput(TabInput):
    """The keys to hold, and for how long."""

    keys: list[str]
    duration_ms: int


class TypeInput(TabInput):
    """The text to type, into an element or where the focus is."""

    text: str
    target: str | None


class KeyInput(TabInput):
    """The keys to press together."""

    keys: list[str]


class ScrollInput(TabInput):
    """The direction and the amount to scroll."""

    direction: Literal["up", "down", "left", "right"]
    amount: int


class WaitForInput(TabInput):
    """The visible text to wait for, and for how long."""

    text: str
    timeout_ms: int


class SelectOptionInput(ClickInput):
    """The values that a select element is to have."""

    values: list[str]


class NewTabInput(TypedDict):
    """The URL to open in the new tab, if any."""

    url: str | None


class BrowserFileInput(TypedDict):
    """The id of the grant that the program issued for a file."""

    grant_id: str


class BrowserConfirmContext(TypedDict):
    """A call to approve: its arguments, and the state of the browser before it, which may have changed since."""

    member: str
    arguments: dict[str, object]
    state: BrowserState
    call_id: str


class BrowserReadConfirmContext(TypedDict):
    """A read to approve before the state of the browser is read, so that it has none."""

    member: str
    arguments: dict[str, object]
    state: None
    call_id: str
    phase: Literal["before_read"]
