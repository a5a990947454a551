"""The browser toolset: drivers, approvals, single calls, and values that must not reach the model."""

from __future__ import annotations

import asyncio
import json
import pickle
from types import SimpleNamespace
from typing import Any, get_type_hints

import pytest

import oai
from oai.lib import browser
from oai.lib.browser import AsyncBrowserToolset, BrowserCancelledError, BrowserError, BrowserToolset
from oai.types.responses import ResponseFunctionToolCall

TAB: Any = {"id": "one", "title": "Home", "url": "https://ada:pw@example.org/orders?token=secret", "active": True}


def call(member: str, **arguments: Any) -> ResponseFunctionToolCall:
    item = {"type": "function_call", "call_id": "call_1", "name": f"browser_{member}", "status": "completed"}
    return oai.decode(ResponseFunctionToolCall, json.dumps({**item, "arguments": json.dumps(arguments)}))


def payload(output: Any) -> Any:
    return json.loads(output["output"][0]["text"])


class Driver:
    """A browser that remembers what was done to it."""

    def __init__(self) -> None:
        self.clicked: list[str] = []
        self.page: Any = "Two doors."

    def state(self) -> Any:
        return {"tabs": [TAB]}

    def click(self, action: Any) -> None:
        self.clicked.append(action["target"])

    def get_page_text(self, action: Any) -> Any:
        return self.page

    def read_page(self, action: Any) -> Any:
        return self.page


class AsyncDriver:
    async def state(self) -> Any:
        return {"tabs": [TAB]}

    async def click(self, action: Any) -> None: ...


def approve(_: object) -> bool:
    return True


def test_call_is_executed_once_it_is_approved() -> None:
    driver = Driver()
    contexts: list[Any] = []

    def confirm(context: Any, *, cancelled: Any) -> bool:
        contexts.append((json.loads(json.dumps(context)), cancelled))
        context["arguments"]["target"] = "e2"  # a copy: what is executed is what came
        return True

    output = BrowserToolset(driver, confirm=confirm).execute(call("click", target="e1", tab_id=None))
    state = {"tabs": [{"id": "one", "title": "Home", "url": "https://example.org", "active": True}]}
    arguments = {"target": "e1", "tab_id": None}
    assert contexts == [({"member": "click", "arguments": arguments, "state": state, "call_id": "call_1"}, None)]
    assert driver.clicked == ["e1"]
    assert (output["type"], output["call_id"]) == ("function_call_output", "call_1")
    assert payload(output) == {"ok": True, "state": state, "result": None}
    refused = BrowserToolset(driver, confirm=lambda _: False).execute(call("click", target="e1", tab_id=None))
    assert not payload(refused)["ok"]
    assert "not approved" in payload(refused)["error"]
    assert driver.clicked == ["e1"]


def test_async_call_is_executed() -> None:
    async def confirm(_: object) -> bool:
        return True

    toolset = AsyncBrowserToolset(AsyncDriver(), confirm=confirm)
    assert payload(asyncio.run(toolset.execute(call("click", target="e1", tab_id=None))))["ok"]


def test_tools_are_sent_with_a_request_and_their_output_with_the_next() -> None:
    server = oai.FakeTransport()
    item = call("get_page_text", tab_id=None)
    server.responses.create.returns(output=[item.to_dict()])
    client = oai.OpenAI(transport=server)
    toolset = BrowserToolset(Driver(), members=["get_page_text"])
    response = client.responses.create(model="m", input="Look.", tools=toolset.tools)
    output = toolset.execute(response.output[0])  # type: ignore[arg-type]
    client.responses.create(model="m", input=[item.to_dict(), output], tools=toolset.tools)  # type: ignore[list-item]
    first, second = (json.loads(sent.content) for sent in server.calls)
    assert [tool["name"] for tool in first["tools"]] == ["browser_get_page_text"]
    assert first["tools"][0]["parameters"]["required"] == ["tab_id"]
    assert second["input"][1] == output


def test_every_tool_has_a_description_of_its_own() -> None:
    driver: Any = SimpleNamespace(state=Driver().state, **dict.fromkeys(browser.BROWSER_MEMBERS, approve))
    toolset = BrowserToolset(
        driver, members=browser.BROWSER_MEMBERS, confirm=approve, url_policy=lambda _, url: bool(url)
    )
    descriptions = {tool["description"] for tool in toolset.tools}
    assert len(descriptions) == len(browser.BROWSER_MEMBERS)
    toolset.tools[0]["parameters"]["properties"]["url"]["type"] = "changed"
    assert toolset.tools[0]["parameters"]["properties"]["url"]["type"] == "string"


def test_attributes_for_other_members_are_not_read() -> None:
    class Careful(Driver):
        @property
        def click(self) -> Any:
            raise AssertionError

    toolset = BrowserToolset(Careful(), members=["get_page_text"])
    assert payload(toolset.execute(call("get_page_text", tab_id=None)))["ok"]
    with pytest.raises(BrowserError, match="click is not enabled"):
        toolset.execute(call("click", target="e1", tab_id=None))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "click require confirm"),
        ({"members": ["navigate"]}, "navigate is not implemented"),
        ({"members": ["dance"]}, "names of BROWSER_MEMBERS"),
        ({"members": ["click", "click"]}, "members has a name twice"),
        ({"members": [], "additional_members": []}, "not both"),
        ({"confirm": approve, "confirm_reads": ["click"]}, "members that only read"),
        ({"members": ["read_page"], "confirm_reads": ["read_page"]}, "confirm_reads require confirm"),
    ],
)
def test_invalid_selection_raises(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BrowserToolset(Driver(), **options)


def test_driver_of_the_other_kind_raises() -> None:
    with pytest.raises(ValueError, match="state is one for AsyncBrowserToolset"):
        BrowserToolset(AsyncDriver(), confirm=approve)  # type: ignore[arg-type]

    class Annotated(AsyncDriver):
        def click(self, action: Any) -> None: ...  # type: ignore[override]

    with pytest.raises(ValueError, match="click is one for BrowserToolset"):
        AsyncBrowserToolset(Annotated(), confirm=approve)  # type: ignore[arg-type]


def test_coroutine_where_none_is_awaited_is_an_error_without_a_warning() -> None:
    class Late(Driver):
        def click(self, action: Any):  # type: ignore[no-untyped-def]
            return AsyncDriver().click(action)

    async def confirm(_: object) -> bool:
        return True

    click = call("click", target="e1", tab_id=None)
    assert payload(BrowserToolset(Late(), confirm=approve).execute(click))["error"] == "The action failed."
    driver = Driver()
    refused = BrowserToolset(driver, confirm=confirm).execute(click)  # type: ignore[arg-type]
    assert "not approved" in payload(refused)["error"]
    assert driver.clicked == []


def test_plain_value_where_an_awaitable_is_needed_is_an_error() -> None:
    class Early(AsyncDriver):
        def click(self, action: Any):  # type: ignore[no-untyped-def, override]
            return None

    async def confirm(_: object) -> bool:
        return True

    toolset = AsyncBrowserToolset(Early(), confirm=confirm)
    assert not payload(asyncio.run(toolset.execute(call("click", target="e1", tab_id=None))))["ok"]


def test_only_a_browser_error_tells_the_model_why() -> None:
    class Failing(Driver):
        def click(self, action: Any) -> None:
            raise BrowserError("There is no such door.") if action["target"] == "e2" else OSError("/home/ada/secret")

    toolset = BrowserToolset(Failing(), confirm=approve)
    assert payload(toolset.execute(call("click", target="e1", tab_id=None)))["error"] == "The action failed."
    assert payload(toolset.execute(call("click", target="e2", tab_id=None)))["error"] == "There is no such door."
    assert payload(toolset.execute(call("click", target="e2")))["error"] == "The arguments must be target, tab_id."
    assert payload(toolset.execute(call("click", target=1, tab_id=None)))["error"] == "The argument target is invalid."


def test_errors_about_what_a_driver_returned_do_not_quote_it() -> None:
    class Private(Driver):
        def state(self) -> Any:
            raise BrowserError("secret")

    with pytest.raises(RuntimeError, match=r"^Browser state report failed\.$") as caught:
        BrowserToolset(Private(), confirm=approve).execute(call("get_page_text", tab_id=None))
    assert caught.value.__suppress_context__
    driver = Driver()
    driver.page = {"version": 1, "text": "secret"}
    with pytest.raises(RuntimeError, match="invalid report of a page") as caught:
        BrowserToolset(driver, confirm=approve).execute(call("get_page_text", tab_id=None))
    assert caught.value.__suppress_context__


def test_call_that_cannot_be_sent_back_is_not_executed() -> None:
    driver = Driver()
    unsendable = call("click", target="e1", tab_id=None)
    unsendable.more = object()  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match="more"):
        BrowserToolset(driver, confirm=approve).execute(unsendable)
    unsendable.more = None  # type: ignore[attr-defined]
    unsendable.parsed_arguments = object()  # type: ignore[attr-defined]
    assert payload(BrowserToolset(driver, confirm=approve).execute(unsendable))["ok"]
    assert driver.clicked == ["e1"]


def test_toolset_has_one_call_at_a_time_and_none_once_it_is_closed() -> None:
    click = call("click", target="e1", tab_id=None)

    def confirm(_: object) -> bool:
        with pytest.raises(RuntimeError, match="busy"):
            toolset.execute(click)
        return toolset.close()["status"] == "draining"

    toolset = BrowserToolset(Driver(), confirm=confirm)
    assert payload(toolset.execute(click))["ok"]
    assert toolset.close() == {"status": "closed"}
    with pytest.raises(RuntimeError, match="closed"):
        toolset.execute(click)


def test_cancelled_task_frees_the_toolset() -> None:
    async def scenario() -> None:
        async def confirm(_: object) -> bool:
            waiting.set()
            await asyncio.Event().wait()
            return True

        waiting = asyncio.Event()
        toolset = AsyncBrowserToolset(AsyncDriver(), confirm=confirm)
        click = call("click", target="e1", tab_id=None)
        task = asyncio.create_task(toolset.execute(click))
        await waiting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        toolset.confirm = None
        assert "not approved" in payload(await toolset.execute(click))["error"]

    asyncio.run(scenario())


def test_cancellation_goes_before_an_invalid_result() -> None:
    reports: list[Any] = []
    driver = Driver()
    driver.page = 5
    polls = iter([False, False, False, False, True])
    with pytest.raises(BrowserCancelledError):
        BrowserToolset(driver, confirm=approve).execute(
            call("read_page", tab_id=None, filter="all"), cancelled=lambda: next(polls), on_diagnostic=reports.append
        )
    assert [(report["stage"], report["reason"], report["member"]) for report in reports] == [
        ("action", "cancelled", "read_page")
    ]


class Disguised(str):  # noqa: SLOT000 - like those of programs
    """A string that shows another text than it has."""

    def __str__(self) -> str:
        return "shown"

    def __deepcopy__(self, memo: Any) -> str:
        return "copied"

    def encode(self, *_: Any) -> bytes:
        return b""


def test_contents_of_string_subclasses_are_reported() -> None:
    class Subclassed(Driver):
        def state(self) -> Any:
            return {"tabs": [{**TAB, "title": Disguised("Home")}]}

    state = payload(BrowserToolset(Subclassed(), confirm=approve).execute(call("list_tabs")))["state"]
    assert state["tabs"][0]["title"] == "Home"
    driver = Driver()
    driver.page = {"version": 1, "text": Disguised("x"), "elements": [], "omitted": []}
    with pytest.raises(RuntimeError, match="invalid report of a page"):
        BrowserToolset(driver, confirm=approve).execute(call("get_page_text", tab_id=None))


def test_report_that_grows_while_it_is_read_keeps_its_first_entries() -> None:
    class Growing(str):  # noqa: SLOT000 - as above
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            elements.append({"ref": str(len(elements)), "role": "button", "label": "More"})
            return str.__eq__(self, other)

    elements: list[Any] = [{Growing("ref"): "e1", "role": "button", "label": "Open"}]
    driver = Driver()
    driver.page = {"version": 1, "text": "", "elements": elements, "omitted": []}
    output = BrowserToolset(driver, confirm=approve).execute(call("read_page", tab_id=None, filter="all"))
    assert payload(output)["result"]["elements"] == [{"ref": "e1", "role": "button", "label": "Open"}]


def test_result_is_copied_when_the_driver_returns_it() -> None:
    class Changing(Driver):
        def state(self) -> Any:
            if "text" in self.page:
                self.page |= {"text": "later"}
            return super().state()

    driver = Changing()
    driver.page = {}

    def read(_: Any) -> Any:
        driver.page = {"version": 1, "text": "first", "elements": [], "omitted": []}
        return driver.page

    driver.get_page_text = read  # type: ignore[method-assign]
    toolset = BrowserToolset(driver, confirm=approve)
    assert payload(toolset.execute(call("get_page_text", tab_id=None)))["result"]["text"] == "first"


def test_keys_that_only_compare_as_equal_are_invalid() -> None:
    class Alias(str):  # noqa: SLOT000 - as above
        __hash__ = str.__hash__

    driver: Any = Driver()
    driver.upload_file = lambda _: {
        "version": 1,
        Alias("status"): "completed",
        "effect": "completed",
        "cleanup": "completed",
    }
    toolset = BrowserToolset(driver, members=["upload_file"], confirm=approve)
    with pytest.raises(RuntimeError, match="invalid outcome of a file transfer"):
        toolset.execute(call("upload_file", grant_id="g"))


def test_drivers_that_declare_a_member_must_have_it() -> None:
    class Declared(browser.BrowserReadDriver):
        def state(self) -> Any: ...

    with pytest.raises(TypeError, match="abstract"):
        Declared()  # type: ignore[abstract]


def test_types_of_inputs_and_reports_can_be_resolved() -> None:
    for name in browser.__all__:
        if name.endswith(("Input", "Context", "V1", "State")):
            assert get_type_hints(getattr(browser, name))


def test_errors_can_be_pickled() -> None:
    for error in (BrowserError("a"), BrowserCancelledError("b")):
        assert repr(pickle.loads(pickle.dumps(error))) == repr(error)
