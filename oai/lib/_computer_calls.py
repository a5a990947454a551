"""What a run of the computer tool sends and accepts: its request, the calls of a response, the result of a call."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final, cast

from oai._json.dump import dump, source_of
from oai._support.plain_data import is_list, is_object
from oai.lib._item_shapes import OUTPUT_MESSAGE, OWN_COMPACTION, REASONING, is_computer_call
from oai.lib._shapes import copy_json
from oai.types.responses import Response, ResponseComputerToolCall

if TYPE_CHECKING:
    from oai.lib._shapes import Check
    from oai.types.responses.params import ResponseInputItemParamComputerCallOutput as ComputerCallOutput

OWNED: Final = frozenset(
    {"stream", "background", "conversation", "previous_response_id", "tools", "input", "include", "tool_choice"}
)
"""Parameters that the run decides, so that `extra_body` must not."""

TOOLS: Final = ("computer", "computer_use_preview")
FORCING: Final = {*TOOLS, "computer_use"}
REPLAYED: Final[dict[str, Check]] = {"message": OUTPUT_MESSAGE, "reasoning": REASONING, "compaction": OWN_COMPACTION}
"""Kinds of items, besides calls, that a run can send back, and what they must have."""

INVALID: Final = "the computer call is incomplete, or has an invalid action or safety check"


class ComputerUseError(RuntimeError):
    """A run ended before it was complete; `response` is the last response, if there was one."""

    def __init__(self, message: str, response: Response | None = None) -> None:
        super().__init__(message)
        self.response = response


def prepared(params: Mapping[str, Any], max_steps: Any) -> dict[str, Any]:
    """Return the parameters of the first request.

    Raises:
        ValueError: one does not go with a run.
    """
    if not isinstance(max_steps, int) or isinstance(max_steps, bool) or max_steps < 1:
        raise ValueError(f"max_steps must be a positive integer, not {max_steps!r}")
    request = {name: list(value) if _is_iterator(value) else deepcopy(value) for name, value in params.items()}
    extra = request.get("extra_body")
    if isinstance(extra, Mapping) and OWNED & extra.keys():
        raise ValueError(f"extra_body must not contain {', '.join(sorted(OWNED & extra.keys()))}: the run decides it")
    if request.get("stream") or request.get("background"):
        raise ValueError("a computer run takes neither stream nor background")
    if request.get("previous_response_id") or request.get("conversation"):
        raise ValueError("pass all the input; a computer run takes neither conversation nor previous_response_id")
    tools = request.get("tools", [{"type": "computer"}])
    if not is_list(tools) or len(tools) != 1 or tools[0].get("type") not in TOOLS:
        raise ValueError("a computer run takes one tool, a computer")
    conversation = request.get("input", [])
    include = dict.fromkeys([*(request.get("include") or []), "reasoning.encrypted_content"])
    return request | {
        "tools": tools,
        "stream": False,
        "input": [{"role": "user", "content": conversation}] if isinstance(conversation, str) else conversation,
        "include": list(include),  # with it, the whole history can be sent again, also if nothing is stored
    }


def _is_iterator(value: Any) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str | bytes | Mapping | list | tuple)


class History:
    """The ids in a conversation, none of which may come twice: a call would be executed again."""

    def __init__(self, items: list[Any]) -> None:
        objects = [item for item in items if is_object(item)]
        self._ids = {item["id"] for item in objects if isinstance(item.get("id"), str) and item["id"]}
        self._call_ids = {item["call_id"] for item in objects if isinstance(item.get("call_id"), str)}

    def calls(self, response: Response, *, last: bool) -> list[ResponseComputerToolCall]:
        """Return the calls of a response; none if it is the final one.

        Raises:
            ComputerUseError: it is incomplete, or has items that the run cannot send back.
        """
        if response.status != "completed":
            raise ComputerUseError("the response is not completed", response)
        for item in sent_items(response):
            self._admit(item, response)
        calls = [item for item in response.output if isinstance(item, ResponseComputerToolCall)]
        if calls and last:
            raise ComputerUseError("the task was not complete after max_steps", response)
        if not calls and not any(map(_is_final, response.output)):
            raise ComputerUseError("the response has neither a call nor a final message", response)
        return calls

    def _admit(self, item: dict[str, Any], response: Response) -> None:
        kind = item.get("type")
        if kind == "computer_call":
            if not is_computer_call(item):
                raise ComputerUseError(INVALID, response)
            self._add(self._call_ids, item["call_id"], response)
        elif kind not in REPLAYED or not REPLAYED[kind](item):
            raise ComputerUseError(f"the response has an item of type {kind!r} that the run cannot send back", response)
        self._add(self._ids, item["id"], response)

    def _add(self, ids: set[str], name: str, response: Response) -> None:
        if name in ids:
            raise ComputerUseError(f"the response has an item twice: {name!r}", response)
        ids.update({name} - {""})


def sent_items(response: Response) -> list[dict[str, Any]]:
    """Return the items of a response as the server sent them.

    Raises:
        ValueError: an item has data that is not JSON.
    """
    items: list[dict[str, Any]] = copy_json(dump(response, source=source_of(response)).get("output") or [])
    return items


def actions_of(call: ResponseComputerToolCall) -> list[Any]:
    """Return the actions of a call.

    Raises:
        ComputerUseError: the call is incomplete or invalid.
        ValueError: it has data that is not JSON.
    """
    if not isinstance(call, ResponseComputerToolCall) or not is_computer_call(copy_json(dump(call))):
        raise ComputerUseError(INVALID)
    actions: list[Any] = [call.action] if call.actions is None else call.actions
    return list(actions)


def _is_final(item: Any) -> bool:
    is_message = getattr(item, "type", None) == "message"
    return is_message and item.status == "completed" and getattr(item, "phase", None) != "commentary"


def continue_with(request: dict[str, Any], response: Response) -> None:
    """Add a response to the input of the next request, which is free to end the run."""
    for item in sent_items(response):
        item.pop("created_by", None)  # which requests do not have
        request["input"].append(item)
    choice = request.get("tool_choice")
    if choice == "required" or (is_object(choice) and choice.get("type") in FORCING):
        request["tool_choice"] = "auto"
    elif is_object(choice) and choice.get("type") == "allowed_tools" and choice.get("mode") == "required":
        request["tool_choice"] = {**choice, "mode": "auto"}


def output_of(call: ResponseComputerToolCall, screenshot: Any) -> ComputerCallOutput:
    """Return the result of a call.

    Raises:
        ComputerUseError: the driver returned no screenshot.
    """
    data = screenshot if is_object(screenshot) else {}
    images = {name: data[name] for name in ("image_url", "file_id") if data.get(name) is not None}
    texts = all(isinstance(value, str) and value.strip() for value in images.values())
    if not images or not texts or data.get("type") != "computer_screenshot":
        raise ComputerUseError("the driver must return a computer_screenshot with image_url or file_id")
    checks = [{"id": each.id, "code": each.code, "message": each.message} for each in call.pending_safety_checks or []]
    output = {
        "type": "computer_call_output",
        "call_id": call.call_id,
        "output": {"type": "computer_screenshot", **images},
        "acknowledged_safety_checks": checks,
    }
    return cast("ComputerCallOutput", output)
