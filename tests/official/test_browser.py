"""The browser toolset does what the official SDK's does: the same tools, calls of the driver, outputs, errors, reports."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.official.sides import SIDES, quick

LOOP = asyncio.Runner()
LARGEST = 2**53 - 1
TAB = {"id": "one", "title": "Home", "url": "https://user:pw@example.org/a?token=x#y", "active": True}
STATE = {"tabs": [TAB]}
PICTURE = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
REPORT = {"version": 1, "text": "Two doors.", "elements": [], "omitted": ["private"]}
DOOR = {"ref": "e1", "role": "button", "label": "Open"}
SENT = {"version": 1, "status": "completed", "effect": "completed", "cleanup": "pending"}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "navigate": {"url": "https://example.org/", "tab_id": None},
    "read_page": {"tab_id": None, "filter": "all"},
    "get_page_text": {"tab_id": "one"},
    "find": {"query": "a door", "tab_id": None},
    "click": {"target": "e1", "tab_id": None},
    "type": {"text": "é", "target": None, "tab_id": None},
    "key": {"keys": ["Enter"], "tab_id": None},
    "scroll": {"direction": "down", "amount": LARGEST, "tab_id": None},
    "select_option": {"target": "e1", "values": ["a"], "tab_id": None},
    "hover": {"target": "e1", "tab_id": None},
    "screenshot": {"tab_id": None},
    "zoom": {"tab_id": None, "region": [0, 0, 1, 2]},
    "new_tab": {"url": None},
    "list_tabs": {},
    "switch_tab": {"tab_id": "one"},
    "close_tab": {"tab_id": "one"},
    "scroll_to": {"target": "e1", "tab_id": None},
    "wait_for": {"text": " ready ", "timeout_ms": 30_000, "tab_id": None},
    "hover_at": {"tab_id": None, "x": 0, "y": LARGEST},
    "set_checked": {"tab_id": None, "target": "e1", "checked": True},
    "click_at": {"tab_id": None, "x": 1, "y": 2, "button": "middle", "click_count": 3, "keys": ["Alt", "Shift"]},
    "drag_path": {"tab_id": None, "path": [{"x": 1, "y": 2}, {"x": 3, "y": 4}], "keys": []},
    "hold_keys": {"tab_id": None, "keys": ["a"], "duration_ms": 3000},
    "read_page_scoped": {"tab_id": None, "root": None, "depth": 32, "filter": "interactive"},
    "read_diagnostics": {"tab_id": None, "source": "console", "limit": 100},
    "run_script": {"tab_id": None, "source": "return 1", "timeout_ms": 1},
    "upload_file": {"grant_id": "g"},
    "download_file": {"grant_id": "g"},
}
RESULTS: dict[str, Any] = {
    "read_page": {**REPORT, "elements": [DOOR]},
    "get_page_text": REPORT,
    "find": "A door.",
    "screenshot": PICTURE,
    "zoom": {"type": "input_image", "file_id": "file-1", "detail": "low"},
    "read_page_scoped": {**REPORT, "scopes": [{"ref": "s1", "label": "Hall"}]},
    "read_diagnostics": REPORT,
    "run_script": "1",
    "upload_file": SENT,
    "download_file": {"version": 1, "status": "interrupted", "effect": "none", "cleanup": "not_started"},
}


@dataclass(frozen=True)
class Raised:
    """Stands for an error of the toolset that a function of the program raises."""

    name: str


@dataclass
class Script:
    """What happens in a test: the toolset, the calls, and what driver and policies return or raise."""

    calls: list[dict[str, Any]]
    options: dict[str, Any] = field(default_factory=lambda: {"members": list(ARGUMENTS)})
    states: list[Any] = field(default_factory=lambda: [STATE])  # the last one is also what `state` returns afterwards
    results: dict[str, Any] = field(default_factory=lambda: RESULTS)
    confirm: Any = True
    url_policy: Any = True
    cancel_at: int = 10**6
    skip: bool = False


def call(member: str, arguments: Any = None, **fields: Any) -> dict[str, Any]:
    raw = arguments if isinstance(arguments, str) else json.dumps(ARGUMENTS[member] if arguments is None else arguments)
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed"}
    return {**item, "name": f"browser_{member}", "arguments": raw, **fields}


def one(member: str, result: Any = None, **options: Any) -> Script:
    return Script([call(member)], results={**RESULTS, member: result}, **options)


def coroutine_of(function: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*arguments: Any) -> Any:
        return function(*arguments)

    return call


class Stage:
    """One side's toolset with the driver and policies of a script, which write down what they are called with."""

    def __init__(self, module: Any, script: Script, *, is_async: bool) -> None:
        self.seen: list[Any] = []
        self.polls = 0
        self._module, self._script, self._is_async = module, deepcopy(script), is_async
        self._states = iter(self._script.states)
        self._last = self._script.states[-1]
        self._browser = importlib.import_module(f"{module.__name__}.lib.browser")

    def play(self) -> list[Any]:
        options = dict(self._script.options)
        for name in ("confirm", "url_policy"):
            if (answer := getattr(self._script, name)) is not None:
                options[name] = self._function(name, answer)
        kind = self._browser.AsyncBrowserToolset if self._is_async else self._browser.BrowserToolset
        try:
            toolset = kind(self._driver(), **options)
        except Exception as error:  # noqa: BLE001 - which it is, is compared
            return [type(error).__name__]
        self.seen.append([without_texts(tool) for tool in toolset.tools])
        for item in self._script.calls:
            self._execute(toolset, self._module.types.responses.ResponseFunctionToolCall(**item))
        return [*self.seen, self.polls]

    def _execute(self, toolset: Any, call: Any) -> None:
        options = {"cancelled": self._cancelled, "on_diagnostic": self._report}
        try:
            result = toolset._execute(call, skip=self._script.skip, **options)
            output, ok = LOOP.run(result) if self._is_async else result
        except Exception as error:  # noqa: BLE001 - which it is, is compared
            self.seen.append(type(error).__name__)
            return
        first, *others = output["output"]
        payload = json.loads(first["text"])
        payload |= {"error": True} if "error" in payload else {}
        assert payload["ok"] is ok
        self.seen.append({**output, "output": [{**first, "text": payload}, *others]})

    def _driver(self) -> Any:
        methods = {name: self._function(name, self._script.results.get(name)) for name in ARGUMENTS}
        return SimpleNamespace(**methods, state=self._function("state", None))

    def _function(self, name: str, value: Any) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            self.seen.append((name, deepcopy(arguments)))
            for argument in arguments:
                if name in ("confirm", "url_policy") and isinstance(argument, dict):
                    argument["arguments"].clear()  # a copy: what is executed is what came
            return self._returned(next(self._states, self._last) if name == "state" else value)

        return coroutine_of(called) if self._is_async else called

    def _returned(self, value: Any) -> Any:
        if isinstance(value, Raised):
            raise getattr(self._browser, value.name)(value.name)
        if isinstance(value, BaseException):
            raise value
        return value

    def _cancelled(self) -> bool:
        self.polls += 1
        return self.polls > self._script.cancel_at

    def _report(self, report: Any) -> None:
        self.seen.append({**report, "duration_ms": report["duration_ms"] >= 0})


def without_texts(value: Any) -> Any:
    """Return a tool without its descriptions, which are each client's own."""
    if isinstance(value, dict):
        return {name: without_texts(part) for name, part in value.items() if name != "description"}
    return [without_texts(part) for part in value] if isinstance(value, list) else value


def assert_alike(script: Script) -> list[Any]:
    """Play a script on both sides, sync and async; return what was seen."""
    for is_async in (False, True):
        ours, theirs = (Stage(module, script, is_async=is_async).play() for module in SIDES)
        assert ours == theirs
    return ours


def observed(*changes: Any, dropped: int = 0, **fields: Any) -> dict[str, Any]:
    numbered = [{"tab_id": "one", **change, "sequence": dropped + n} for n, change in enumerate(changes, 1)]
    observation = {"version": 1, "dropped_changes": dropped, "title_truncated": False, "changes": numbered}
    return {"tabs": [TAB], "observation": {**observation, "sequence": dropped + len(changes), **fields}}


MOVED = {"type": "navigation"}
BLOCKED = {"type": "download", "tab_id": None, "status": "blocked"}

SCRIPTS = {
    **{f"{member} succeeds": one(member, RESULTS.get(member)) for member in ARGUMENTS},
    **{f"{member} has no approval": Script([call(member)], confirm=False) for member in ARGUMENTS},
    **{f"{member} has no approved URL": Script([call(member)], url_policy=False) for member in ("navigate", "new_tab")},
    **{f"{member} is skipped": Script([call(member)], skip=True) for member in ("click", "zoom", "list_tabs")},
    **{f"cancelled at poll {n}": Script([call("navigate")], cancel_at=n) for n in range(10)},
    **{
        f"read cancelled at poll {n}": Script(
            [call("find")], options={"members": ["find"], "confirm_reads": ["find"]}, cancel_at=n
        )
        for n in range(9)
    },
    "new tab with a URL": Script([call("new_tab", {"url": "https://example.org"})], url_policy=False),
    "approved by a text": Script([call("click")], confirm="yes"),
    "confirm raises": Script([call("click")], confirm=KeyError("mine")),
    "confirm refuses with a text": Script([call("click")], confirm=Raised("BrowserError")),
    "policy raises": Script([call("navigate")], url_policy=KeyError("mine")),
    "driver raises": one("click", KeyError("mine")),
    "driver refuses": one("click", Raised("BrowserError")),
    "driver is cancelled": one("click", Raised("BrowserCancelledError")),
    "policy is cancelled": Script([call("navigate")], url_policy=Raised("BrowserCancelledError")),
    "state is cancelled": Script([call("click")], states=[Raised("BrowserCancelledError")]),
    "confirmed read is cancelled": Script(
        [call("find")], options={"confirm_reads": ["find"]}, confirm=Raised("BrowserCancelledError")
    ),
    "driver is invalid and cancelled": one("zoom", "no picture", cancel_at=5),
    "action returns a number": one("click", 5),
    "action returns a text": one("click", "Done."),
    "action returns a list": one("select_option", ["a"]),
    "text is None": one("get_page_text", None),
    "text has a lone surrogate": one("find", "\ud800"),
    "default members": Script([call("click"), call("click_at")], options={}),
    "additional members": Script([call("click_at")], options={"additional_members": ["click_at"]}),
    "members and additional members": Script([], options={"members": [], "additional_members": []}),
    "no members": Script([call("list_tabs")], options={"members": []}),
    "members is a text": Script([], options={"members": "click"}),
    "member twice": Script([], options={"members": ["click", "click"]}),
    "unknown member": Script([], options={"members": ["state"]}),
    "member that is no name": Script([], options={"members": [1]}),
    "confirm is missing": Script([], confirm=None),
    "confirm is not needed": Script([call("find")], options={"members": ["find"]}, confirm=None, url_policy=None),
    "policy is missing": Script([], url_policy=None),
    "confirmed read": Script([call("find")], options={"members": ["find"], "confirm_reads": ["find"]}),
    "confirmed read refused": Script([call("find")], options={"confirm_reads": ["find"]}, confirm=False),
    "confirmed read raises": Script([call("find")], options={"confirm_reads": ["find"]}, confirm=KeyError("mine")),
    "confirmed read is invalid": Script([call("find", {})], options={"confirm_reads": ["find"]}),
    "confirmed read is skipped": Script([call("find")], options={"confirm_reads": ["find"]}, skip=True),
    "confirmed list of tabs": Script([call("list_tabs")], options={"confirm_reads": ["list_tabs"]}),
    "confirmed read changes something": Script([], options={"confirm_reads": ["click"]}),
    "confirmed read twice": Script([], options={"confirm_reads": ["find", "find"]}),
    "confirmed read is a text": Script([], options={"confirm_reads": "find"}),
    "confirmed read without confirm": Script(
        [], options={"members": ["find"], "confirm_reads": ["find"]}, confirm=None
    ),
    "call in progress": Script([call("click", status="in_progress")]),
    "call without status": Script([call("click", status=None)]),
    "other tool": Script([call("click", name="other")]),
    "unknown tool of the browser": Script([call("click", name="browser_dance")]),
    "not selected": Script([call("click")], options={"members": ["find"]}),
    "empty call id": Script([call("list_tabs", call_id="")]),
    "no JSON": Script([call("click", "{")]),
    "no object": Script([call("click", "[]")]),
    "nested too deeply": Script([call("click", "[" * 200_000)]),
    "state raises": Script([call("click")], states=[KeyError("mine")]),
    "state raises afterwards": Script([call("click")], states=[STATE, Raised("BrowserError")]),
    "observation": Script([call("find")], states=[observed(MOVED, BLOCKED)]),
    "observation goes on": Script([call("find")], states=[observed(MOVED), observed(MOVED, MOVED)]),
    "observation drops": Script([call("find")], states=[observed(MOVED, BLOCKED), observed(BLOCKED, MOVED, dropped=1)]),
    "observation drops all": Script([call("find")], states=[observed(MOVED, MOVED), observed(dropped=5)]),
    "observation rewritten": Script([call("find")], states=[observed(MOVED), observed(BLOCKED)]),
    "observation starts again": Script([call("find")], states=[observed(MOVED), observed()]),
    "observation gets less dropped": Script([call("find")], states=[observed(dropped=1), observed(MOVED)]),
    "observation ends": Script([call("find")], states=[observed(MOVED), STATE]),
    "observation begins": Script([call("find")], states=[STATE, observed(MOVED)]),
}


@pytest.fixture(scope="module", autouse=True)
def _loop_is_closed() -> Iterator[None]:
    yield
    LOOP.close()


@pytest.mark.parametrize("name", SCRIPTS)
def test_calls_are_executed_as_by_the_official_sdk(name: str) -> None:
    assert assert_alike(SCRIPTS[name])


def test_names_are_those_of_the_official_sdk() -> None:
    ours, official = (importlib.import_module(f"{module.__name__}.lib.browser") for module in SIDES)
    assert sorted(ours.__all__) == sorted(official.__all__)
    assert ours.BROWSER_MEMBERS == official.BROWSER_MEMBERS
    assert ours.DEFAULT_BROWSER_MEMBERS == official.DEFAULT_BROWSER_MEMBERS
    for name in ours.__all__:
        fields = getattr(getattr(official, name), "__annotations__", None)
        if isinstance(getattr(ours, name), type) and fields:
            assert getattr(ours, name).__annotations__.keys() == fields.keys()


VALUES = (
    *(None, True, False, 0, 1, -1, 3, 4, 33, 100, 101, 3000, 3001, 30_000, 30_001, LARGEST, LARGEST + 1, 1.0),
    *("", " ", "a", "x" * 256, "x" * 257, "é" * 33, "back", "all", "middle", "Control", [], {}, {"x": 1, "y": 2}),
    *(
        ["a"],
        ["a", "a"],
        ["Alt"],
        ["Alt", "Alt"],
        [""],
        ["é" * 33],
        [1],
        ["a"] * 9,
        list("abcdefgh"),
        list("abcdefghi"),
    ),
    *([0, 0, 1, 1], [1, 0, 1, 1], [0, 1, 1, 1], [0, 0, 1], [0, 0, 1, True], [0, 0, 1, 1.0], [-1, 0, 1, 1]),
    *([{"x": 1, "y": 2}], [{"x": 1, "y": 2}] * 2, [{"x": 1, "y": 2}] * 101, [{"x": 1}] * 2, [{"x": 1, "y": True}] * 2),
)
"""Values that some argument takes and another does not."""


@pytest.mark.parametrize("member", ARGUMENTS)
def test_arguments_are_checked_as_by_the_official_sdk(member: str) -> None:
    valid = ARGUMENTS[member]
    invalid = [{}, {**valid, "more": None}, *({k: v for k, v in valid.items() if k != name} for name in valid)]
    changed = [{**valid, name: value} for name in valid for value in VALUES]
    script = Script([call(member, arguments) for arguments in (*invalid, *changed)], results={})
    assert assert_alike(script)


@pytest.mark.parametrize("name", ["source", "root", "keys", "grant_id", "text", "target"])
def test_lone_surrogates_do_not_reach_driver_where_the_official_sdk_stops_them(name: str) -> None:
    members = [member for member, arguments in ARGUMENTS.items() if name in arguments and member != "read_diagnostics"]
    value = ["\ud800"] if name == "keys" else "\ud800"
    assert assert_alike(Script([call(member, {**ARGUMENTS[member], name: value}) for member in members]))


REPORTS = (
    *(None, "", "x", 1, [], {}, REPORT, {**REPORT, "more": object()}, {**REPORT, "version": True}),
    *({**REPORT, "version": 2}, {**REPORT, "text": None}, {**REPORT, "text": "\ud800"}, {**REPORT, "elements": None}),
    *({**REPORT, "omitted": ["private", "private"]}, {**REPORT, "omitted": ["all"]}, {**REPORT, "omitted": [[]]}),
    *(
        {**REPORT, "elements": [DOOR, DOOR]},
        {**REPORT, "elements": [[]]},
        {**REPORT, "elements": [{**DOOR, "ref": ""}]},
    ),
    *({**REPORT, "scopes": scopes} for scopes in (None, [], [{}], [{"ref": "s", "label": "x"}] * 2)),
    *(
        {**REPORT, "scopes": [{"ref": "s", "label": "x", "more": 1}], "elements": [door]}
        for door in (DOOR, {**DOOR, "ref": "s"})
    ),
    *(
        {**REPORT, "elements": [{**DOOR, **fields}]}
        for fields in (
            {"ref": "x" * 257},
            {"label": "é" * 129},
            {"label": None},
            {"role": "link"},
            {"role": []},
            {"checked": "ignored"},
            {"role": "radio", "checked": 1},
            {"role": "checkbox", "checked": False, "value": ""},
            {"value": None},
            {"value": "é" * 257},
            {"options": None},
            {"options": [{"label": "", "value": "b"}]},
            {"options": [{"label": "a", "value": "", "selected": "ignored"}]},
            {"role": "listbox", "options": [{"label": "a", "value": "b", "selected": True}]},
            {"role": "listbox", "options": [{"label": "a", "value": "b", "selected": 1}]},
        )
    ),
)


@pytest.mark.parametrize("member", ["read_page", "get_page_text", "find", "read_page_scoped", "read_diagnostics"])
def test_reports_of_pages_are_those_of_the_official_sdk(member: str) -> None:
    for report in REPORTS:
        assert_alike(one(member, report))


OUTCOMES = (
    *(None, {}, "sent", SENT, {**SENT, "more": 1}, {**SENT, "version": 1.0}, {**SENT, "cleanup": "failed"}),
    *(
        {**SENT, "status": status, "effect": effect}
        for status in ("completed", "refused", "unknown", "interrupted", "started", None)
        for effect in ("completed", "none", "unknown", [])
    ),
)
PICTURES = (
    *(None, {}, PICTURE, {**PICTURE, "type": "image"}, {**PICTURE, "more": 1}, {"type": "input_image"}),
    *({**PICTURE, "image_url": url} for url in (None, "", "  ", 1)),
    *({**PICTURE, "file_id": name} for name in (None, "", "file", 1)),
    *({**PICTURE, "detail": detail} for detail in (None, "low", "original", "huge", 1)),
    *(
        {**PICTURE, "prompt_cache_breakpoint": point}
        for point in (None, {}, {"mode": "explicit"}, {"mode": "auto"}, {"mode": "explicit", "more": 1}, "explicit")
    ),
)


def test_outcomes_pictures_and_texts_of_scripts_are_those_of_the_official_sdk() -> None:
    for outcome in OUTCOMES:
        assert_alike(one("upload_file", outcome))
    for picture in PICTURES:
        assert_alike(one("screenshot", picture))
    for result in (None, "", "x" * 100_000, "\ud800", 1):
        assert_alike(one("run_script", result))


URLS = (
    *("about:blank", "about:blank#x", "", "x", "/path", "data:text/plain,secret", "file:///secret", "mailto:a@b.c"),
    *(
        "https://example.org",
        "HTTPS://Example.ORG/",
        "http://a.b:80/x",
        "https://a.b:443",
        "http://a.b:443",
        "http://a.b:",
    ),
    *("https://u:p@a.b/", "https://u@v@a.b/", "https://u p@a.b/", "http://a.b:8080?token=x", "http://a.b#x", "http://"),
    *(
        "http:///x",
        "http:a.b",
        "https:\\\\a.b",
        "http://a b/",
        "http://a\\b/",
        "http://a.b\n",
        "\nhttp://a.b",
        "http://:80",
    ),
    *("http://1.2.3.4/", "http://1.2.3/", "http://999.1.1.1/", "http://0x7f000001/", "http://1.2.3.4.", "http://a.1"),
    *(
        "http://[::1]/",
        "http://[0:0::1]:81/",
        "http://[::G]/",
        "http://[fe80::1%25eth0]/",
        "http://[::1]x",
        "http://[::1",
    ),
    *(
        "http://bücher.example/",
        "http://xn--bcher-kva.example",
        "http://☃.example",
        "http://a。b",
    ),
    *(
        "http://a_b.example/",
        "http://-a.example",
        "http://a-.example",
        "http://a..b",
        "http://a.b.",
        "http://a.b:99999",
    ),
    *(
        "http://a.b:x",
        "http://%61.b",
        "http://" + "a." * 1024 + "b",
        "http://" + "a" * 64 + ".b",
        "x" * 2047 + ":",
        "x" * 2048 + ":",
    ),
    *("ftp://a.b/", "ws://a.b/", "blob:https://a.b/x", "chrome://settings", "http://\ud800.b/", "http://a.b/\ud800"),
)

UNREPORTED = {"http://a b/", "http://a\\b/", "http://:80", "http://%61.b", "http://a.b:99999", "http://[0:0::1]:81/"}
"""URLs that no browser reports in this form. Without an observation the SDK takes them for origins, if only in part."""


@pytest.mark.parametrize("is_observed", [False, True])
def test_origins_are_those_of_the_official_sdk(is_observed: bool) -> None:
    for url in URLS:
        state = observed() if is_observed else STATE
        if is_observed or url not in UNREPORTED:
            assert_alike(Script([call("list_tabs")], states=[{**state, "tabs": [{**TAB, "url": url}]}]))


TITLES = st.sampled_from(
    ["", "Home", "é" * 600, "x" * 1024, "x" * 1025, "😺" * 257, "\ud800", "x" * 2000 + "\ud800", None, 5]
)
TABS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["one", "two", "three", "", "é" * 65, None]),
            "title": TITLES,
            "url": st.sampled_from(["https://a.b/c", "about:blank", "data:,x", None]),
            "active": st.sampled_from([True, False, False, 1]),
        },
        optional={"more": st.just(object)},
    ),
    max_size=3,
)
CHANGES = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(
                ["tab_opened", "navigation", "navigation_refused", "download", "dialog_dismissed", "login", None]
            ),
            "tab_id": st.sampled_from(["one", "é" * 65, "", None, 5]),
        },
        optional={
            "reason": st.sampled_from(["policy", "unsupported", "secret", []]),
            "status": st.sampled_from(["blocked", "started", "secret", None]),
            "kind": st.sampled_from(["alert", "other", "secret", 1]),
            "more": st.just("secret"),
        },
    ),
    max_size=3,
)


@st.composite
def states(draw: st.DrawFn) -> Any:
    state: dict[str, Any] = {"tabs": draw(TABS | st.sampled_from([None, {}]))}
    if draw(st.booleans()):
        changes, dropped = draw(CHANGES), draw(st.sampled_from([0, 0, 3, -1, True, LARGEST]))
        state["observation"] = observed(*changes, dropped=dropped)["observation"] | draw(
            st.fixed_dictionaries(
                {}, optional={"version": st.sampled_from([1, True, 2]), "title_truncated": st.sampled_from([True, 0])}
            )
        )
    return state


@quick(150)
@given(states())
def test_states_are_those_of_the_official_sdk(state: Any) -> None:
    assert_alike(Script([call("list_tabs")], states=[state]))
