"""The results of a driver: the state of the browser, the content of a page, the outcome of a file transfer."""

from typing import Literal, NotRequired, TypedDict


class BrowserTab(TypedDict):
    """A tab. At most the origin of its URL reaches policies and the model."""

    id: str
    title: str
    url: str
    active: bool


class BrowserTabChange(TypedDict):
    """A tab was opened, closed or activated, or went to another page."""

    type: Literal["tab_opened", "tab_closed", "tab_switched", "navigation"]
    sequence: int
    tab_id: str


class BrowserNavigationRefused(TypedDict):
    """The driver did not let a page go to a URL."""

    type: Literal["navigation_refused"]
    sequence: int
    tab_id: str | None
    reason: Literal["policy", "unsupported"]


class BrowserDialogDismissed(TypedDict):
    """The driver closed a dialog of a page."""

    type: Literal["dialog_dismissed"]
    sequence: int
    tab_id: str
    kind: Literal["alert", "confirm", "prompt", "beforeunload", "other"]


class BrowserDownload(TypedDict):
    """A page started a download, or the driver prevented one."""

    type: Literal["download"]
    sequence: int
    tab_id: str | None
    status: Literal["blocked", "started", "completed", "failed"]


BrowserStateChange = BrowserTabChange | BrowserNavigationRefused | BrowserDialogDismissed | BrowserDownload


class BrowserObservationV1(TypedDict):
    """All changes so far: `sequence` is their number, and the first `dropped_changes` are no longer listed."""

    version: Literal[1]
    sequence: int
    dropped_changes: int
    title_truncated: bool
    changes: list[BrowserStateChange]


class BrowserState(TypedDict):
    """The tabs, one of which is active if there are any, and what happened if the driver observes it."""

    tabs: list[BrowserTab]
    observation: NotRequired[BrowserObservationV1]


class BrowserReadOption(TypedDict):
    """An option of a select element or a list."""

    label: str
    value: str
    selected: NotRequired[bool]


Role = Literal["button", "textbox", "combobox", "checkbox", "radio", "slider", "listbox"]


class BrowserReadElement(TypedDict):
    """An element that a call can act on, by its reference."""

    ref: str
    role: Role
    label: str
    value: NotRequired[str]
    options: NotRequired[list[BrowserReadOption]]
    checked: NotRequired[bool]


Omission = Literal[
    "report_limit",
    "text_limit",
    "target_limit",
    "work_limit",
    "frame_limit",
    "unsupported_root",
    "unsupported_control",
    "remote_action",
    "private",
    "value",
    "name_limit",
]


class BrowserReadV1(TypedDict):
    """What was read of a page: its text, the elements that can be acted on, and what kinds of things are left out."""

    version: Literal[1]
    text: str
    elements: list[BrowserReadElement]
    omitted: list[Omission]


class BrowserReadScope(TypedDict):
    """A part of a page that can be read by itself. Nothing can be done with its reference but read it."""

    ref: str
    label: str


class BrowserScopedReadV1(BrowserReadV1):
    """What was read of a page, with its scopes."""

    scopes: list[BrowserReadScope]


class _FileTransfer(TypedDict):
    version: Literal[1]
    cleanup: Literal["not_started", "pending", "completed"]


class _FileCompleted(_FileTransfer):
    status: Literal["completed"]
    effect: Literal["completed"]


class _FileRefused(_FileTransfer):
    status: Literal["refused"]
    effect: Literal["none"]


class _FileUnknown(_FileTransfer):
    status: Literal["unknown"]
    effect: Literal["unknown"]


class _FileInterrupted(_FileTransfer):
    status: Literal["interrupted"]
    effect: Literal["none", "unknown"]


BrowserFileOutcome = _FileCompleted | _FileRefused | _FileUnknown | _FileInterrupted
"""How the transfer of a file ended, regardless of what the page does with the file."""
