"""The computer toolset: drivers, single calls, and one run at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import oai
from oai.lib.computer import AsyncComputerToolset, ComputerToolset, ComputerUseError
from oai.types.responses import ResponseComputerToolCall

CALL = b"""{"type": "computer_call", "id": "cu_1", "call_id": "call_1", "status": "completed",
"pending_safety_checks": [{"id": "check_1", "code": "risky", "message": "Sure?"}],
"actions": [{"type": "click", "button": "left", "x": 1, "y": 2}]}"""

PICTURE: Any = {"type": "computer_screenshot", "image_url": "data:image/png;base64,AAAA"}


class Driver:
    """A desktop that remembers what was done to it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def _do(self, action: Any) -> None:
        self.done.append(action.type)

    click = double_click = drag = keypress = move = scroll = type = wait = _do

    def screenshot(self) -> Any:
        return PICTURE


class AsyncDriver:
    async def _do(self, action: Any) -> None: ...

    click = double_click = drag = keypress = move = scroll = type = wait = _do

    async def screenshot(self) -> Any:
        return PICTURE


def call() -> ResponseComputerToolCall:
    return oai.decode(ResponseComputerToolCall, CALL)


def test_single_call_is_executed_once_it_is_approved() -> None:
    driver = Driver()
    seen: list[Any] = []

    def approve(call: Any, *, cancelled: Any) -> bool:
        seen.append((call.call_id, cancelled))
        call.actions.clear()  # a copy: what is executed is what came
        return True

    output = ComputerToolset(driver).execute(call(), approve_safety_checks=approve)
    assert driver.done == ["click"]
    assert seen == [("call_1", None)]
    assert output == {
        "type": "computer_call_output",
        "call_id": "call_1",
        "output": PICTURE,
        "acknowledged_safety_checks": [{"id": "check_1", "code": "risky", "message": "Sure?"}],
    }
    with pytest.raises(ComputerUseError, match="not approved"):
        ComputerToolset(driver).execute(call())
    assert driver.done == ["click"]


def test_coroutine_callback_does_not_approve_without_asyncio() -> None:
    async def approve(_: object) -> bool:
        return True

    driver = Driver()
    with pytest.raises(ComputerUseError, match="returned an awaitable"):
        ComputerToolset(driver).execute(call(), approve_safety_checks=approve)  # type: ignore[arg-type]
    assert driver.done == []


def test_async_call_is_executed() -> None:
    async def approve(_: object) -> bool:
        return True

    output = asyncio.run(AsyncComputerToolset(AsyncDriver()).execute(call(), approve_safety_checks=approve))
    assert output["output"] == PICTURE


def test_driver_needs_all_methods_of_the_right_kind() -> None:
    with pytest.raises(ValueError, match="needs a method click"):
        ComputerToolset(object())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="click is one for AsyncComputerToolset"):
        ComputerToolset(AsyncDriver())  # type: ignore[arg-type]

    class Annotated(AsyncDriver):
        def click(self, action: Any) -> None: ...  # type: ignore[override]

    with pytest.raises(ValueError, match="click is one for ComputerToolset"):
        AsyncComputerToolset(Annotated())  # type: ignore[arg-type]


def test_method_that_returns_an_awaitable_needs_the_async_toolset() -> None:
    class Late(Driver):
        def click(self, action: Any):  # type: ignore[no-untyped-def]
            return AsyncDriver().click(action)

    with pytest.raises(ComputerUseError, match="use AsyncComputerToolset"):
        ComputerToolset(Late()).execute(call(), approve_safety_checks=lambda _: True)


def test_toolset_has_one_run_at_a_time_and_none_once_it_is_closed() -> None:
    toolset = ComputerToolset(Driver())

    def approve(_: object) -> bool:
        with pytest.raises(RuntimeError, match="busy"):
            toolset.execute(call())
        return toolset.close()["status"] == "draining"

    toolset.execute(call(), approve_safety_checks=approve)
    with pytest.raises(RuntimeError, match="closed"):
        toolset.execute(call())
