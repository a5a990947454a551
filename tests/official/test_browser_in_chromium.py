"""A driver over Playwright, in Chromium: with either client's toolset the page and the outputs of the calls are the same."""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.official.sides import SIDES

playwright = pytest.importorskip(
    "playwright.async_api", reason="playwright is not installed: pip install '.[official]'"
)

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

SHOP = "http://shop.invalid/"
PAGES = {
    SHOP: """<title>Shop</title><h1>Two doors</h1>
<label>Name <input id=guest></label>
<label>Colour <select id=colour><option value=r>Red<option value=g>Green</select></label>
<label>Gift <input type=checkbox id=gift></label>
<button id=order>Order</button> <p id=result></p>
<script>order.onclick = () => result.textContent = `${guest.value} ${colour.value} ${gift.checked} ordered`</script>
""",
    f"{SHOP}help?key=secret": "<title>Help</title><p>Ring the bell.",
}
"""The pages of a site that exists in the test alone."""

ELEMENTS = """() => [...document.querySelectorAll("input, select, button")].map((element) => ({
  ref: element.id,
  role: {checkbox: "checkbox", text: "textbox", "select-one": "combobox", submit: "button"}[element.type],
  label: (element.labels?.[0] ?? element).textContent.trim().split(" ")[0],
  ...(element.type === "checkbox" ? {checked: element.checked} : {value: element.value}),
}))"""


class Driver:
    """Drives the tabs of a browser's context."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self._active = 0

    @property
    def _page(self) -> Any:
        return self._context.pages[self._active]

    async def state(self) -> Any:
        tabs = [
            {"id": str(number), "title": await page.title(), "url": page.url, "active": number == self._active}
            for number, page in enumerate(self._context.pages)
        ]
        return {"tabs": tabs}

    async def navigate(self, action: Any) -> None:
        await self._page.goto(action["url"])

    async def new_tab(self, action: Any) -> None:
        page = await self._context.new_page()
        self._active = len(self._context.pages) - 1
        await page.goto(action["url"])

    async def switch_tab(self, action: Any) -> None:
        self._active = int(action["tab_id"])

    async def read_page(self, action: Any) -> Any:
        elements = await self._page.evaluate(ELEMENTS)
        return {"version": 1, "text": await self._page.inner_text("h1"), "elements": elements, "omitted": []}

    async def get_page_text(self, action: Any) -> str:
        return str(await self._page.inner_text("body"))

    async def click(self, action: Any) -> None:
        await self._page.click(f"#{action['target']}", timeout=5000)

    async def type(self, action: Any) -> None:
        await self._page.fill(f"#{action['target']}", action["text"], timeout=5000)

    async def select_option(self, action: Any) -> None:
        await self._page.select_option(f"#{action['target']}", action["values"], timeout=5000)

    async def set_checked(self, action: Any) -> None:
        await self._page.set_checked(f"#{action['target']}", action["checked"], timeout=5000)

    async def wait_for(self, action: Any) -> None:
        await self._page.get_by_text(action["text"]).wait_for(timeout=action["timeout_ms"])

    async def run_script(self, action: Any) -> str:
        return str(await self._page.evaluate(action["source"]))

    async def screenshot(self, action: Any) -> Any:
        return picture(await self._page.screenshot())

    async def zoom(self, action: Any) -> Any:
        left, top, right, bottom = action["region"]
        clip = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        return picture(await self._page.screenshot(clip=clip))


def picture(content: bytes) -> Any:
    return {"type": "input_image", "image_url": f"data:image/png;base64,{base64.b64encode(content).decode()}"}


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("navigate", {"url": SHOP, "tab_id": None}),
    ("read_page", {"tab_id": None, "filter": "interactive"}),
    ("type", {"text": "Zoë", "target": "guest", "tab_id": None}),
    ("select_option", {"target": "colour", "values": ["g"], "tab_id": None}),
    ("set_checked", {"target": "gift", "checked": True, "tab_id": None}),
    ("click", {"target": "[", "tab_id": None}),  # no selector, which Playwright rejects at once
    ("click", {"target": "order", "tab_id": None}),
    ("wait_for", {"text": "ordered", "timeout_ms": 5000, "tab_id": None}),
    ("read_page", {"tab_id": None, "filter": "all"}),
    ("get_page_text", {"tab_id": None}),
    ("new_tab", {"url": f"{SHOP}help?key=secret"}),
    ("navigate", {"url": "http://elsewhere.invalid/", "tab_id": None}),
    ("get_page_text", {"tab_id": None}),
    ("switch_tab", {"tab_id": "0"}),
    ("list_tabs", {}),
    ("run_script", {"source": "document.title.length", "timeout_ms": 1000, "tab_id": None}),
    ("screenshot", {"tab_id": None}),
    ("zoom", {"tab_id": None, "region": [0, 0, 40, 30]}),
]


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def chromium(runner: asyncio.Runner) -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (.ci/run installs it)")

    async def start() -> tuple[Any, Any]:
        driver = await playwright.async_playwright().start()
        options = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        return driver, await driver.chromium.launch(executable_path=CHROMIUM, args=options)

    async def stop() -> None:
        await browser.close()
        await driver.stop()

    driver, browser = runner.run(start())
    yield browser
    runner.run(stop())


async def opened(chromium: Any) -> Any:
    """Return a context with one tab, which reaches the pages of the site and nothing else."""
    context = await chromium.new_context(viewport={"width": 400, "height": 300})

    async def route(route: Any) -> None:
        text = PAGES.get(route.request.url)
        await (route.abort() if text is None else route.fulfill(body=text, content_type="text/html; charset=utf-8"))

    await context.route("**/*", route)
    await context.new_page()
    return context


def waiting(runner: asyncio.Runner, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that runs a coroutine function to its end."""

    def call(*arguments: Any) -> Any:
        return runner.run(function(*arguments))

    return call


async def confirm(context: Any) -> bool:
    return True


async def url_policy(context: Any, url: str) -> bool:
    return url.startswith(SHOP)


def play(module: Any, chromium: Any, runner: asyncio.Runner, *, is_async: bool) -> list[Any]:
    """Execute the calls in a new context; return the outputs."""
    lib = importlib.import_module(f"{module.__name__}.lib.browser")
    context = runner.run(opened(chromium))
    driver: Any = Driver(context)
    policies: dict[str, Any] = {"confirm": confirm, "url_policy": url_policy}
    if not is_async:
        members = [name for name in vars(Driver) if not name.startswith("_")]
        driver = type("Waiting", (), {name: staticmethod(waiting(runner, getattr(driver, name))) for name in members})()
        policies = {name: waiting(runner, function) for name, function in policies.items()}
    kind = lib.AsyncBrowserToolset if is_async else lib.BrowserToolset
    toolset = kind(driver, additional_members=["set_checked", "run_script"], **policies)
    execute = waiting(runner, toolset.execute) if is_async else toolset.execute
    try:
        return [payload(execute(call(module, number, *CALLS[number]))) for number in range(len(CALLS))]
    finally:
        runner.run(context.close())


def call(module: Any, number: int, member: str, arguments: Any) -> Any:
    return module.types.responses.ResponseFunctionToolCall(
        type="function_call", call_id=f"call_{number}", name=f"browser_{member}", arguments=json.dumps(arguments)
    )


def payload(output: Any) -> Any:
    first, *pictures = output["output"]
    content = json.loads(first["text"])
    return {**content, "error": "error" in content, "call_id": output["call_id"], "pictures": pictures}


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_chromium_is_driven_as_by_the_official_sdk(chromium: Any, runner: asyncio.Runner, is_async: bool) -> None:
    ours, theirs = (play(module, chromium, runner, is_async=is_async) for module in SIDES)
    assert ours == theirs
    assert [CALLS[number] for number, output in enumerate(ours) if not output["ok"]] == [CALLS[5], CALLS[11]]
    assert ours[8]["result"]["elements"] == [
        {"ref": "guest", "role": "textbox", "label": "Name", "value": "Zoë"},
        {"ref": "colour", "role": "combobox", "label": "Colour", "value": "g"},
        {"ref": "gift", "role": "checkbox", "label": "Gift", "checked": True},
        {"ref": "order", "role": "button", "label": "Order", "value": ""},
    ]
    assert "Zoë g true ordered" in ours[9]["result"]
    assert [tab["url"] for tab in ours[14]["state"]["tabs"]] == ["http://shop.invalid"] * 2
    assert base64.b64decode(ours[17]["pictures"][0]["image_url"].partition(",")[2]).startswith(b"\x89PNG")
