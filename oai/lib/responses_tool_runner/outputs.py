"""The output of a function: text, or a list of texts, images and files."""

from __future__ import annotations

from typing import Any, Final

from oai.lib._shapes import Check, Shape, is_text, nullable, one_of, tagged
from oai.types.responses import ResponseFunctionCallOutputItemListParam
from oai.types.responses.params import (
    ResponseInputItemParamComputerCallOutput,
    ResponseInputItemParamFunctionCallOutput,
    ResponseInputItemParamMcpApprovalResponse,
)

FunctionResult = str | ResponseFunctionCallOutputItemListParam
"""What a registered function returns."""

ToolOutput = (
    ResponseInputItemParamFunctionCallOutput
    | ResponseInputItemParamComputerCallOutput
    | ResponseInputItemParamMcpApprovalResponse
)
"""An item of input that answers a call."""

MAYBE_TEXT: Final = nullable(is_text)
BREAKPOINT: Final[dict[str, Check]] = {
    "prompt_cache_breakpoint": nullable(Shape({"mode": one_of("explicit")}, closed=True))
}
BLOCK: Final = tagged(
    {
        "input_text": Shape({"text": is_text}, BREAKPOINT, closed=True),
        "input_image": Shape(
            {},
            {
                "image_url": MAYBE_TEXT,
                "file_id": MAYBE_TEXT,
                "detail": one_of(None, "auto", "low", "high", "original"),
                **BREAKPOINT,
            },
            closed=True,
            any_of=("image_url", "file_id"),
        ),
        "input_file": Shape(
            {},
            dict.fromkeys(("file_data", "file_id", "file_url", "filename"), MAYBE_TEXT)
            | {"detail": one_of("auto", "low", "high"), **BREAKPOINT},
            closed=True,
            any_of=("file_data", "file_id", "file_url"),
        ),
    }
)


def copy_output(value: Any) -> Any:
    """Return a copy of a function's output.

    Raises:
        ValueError: it is neither text nor a list of valid blocks.
    """
    if type(value) is str:
        return value
    if type(value) is not list or not all(map(BLOCK, value)):
        raise ValueError("the output of a function must be text, or a list of input_text, input_image and input_file")
    return [{name: dict(part) if type(part) is dict else part for name, part in block.items()} for block in value]


def copy_supplied(outputs: Any, eligible: frozenset[str]) -> dict[str, dict[str, Any]]:
    """Return copies of the outputs that a program supplies for calls, by the id of the call.

    Raises:
        ValueError: one is invalid, or is for a call that takes none.
    """
    if type(outputs) is not list:
        raise ValueError("supply a list of function outputs")
    supplied: dict[str, dict[str, Any]] = {}
    for output in outputs:
        if not SUPPLIED(output):
            raise ValueError("a supplied output must have type, call_id and output alone")
        call_id = output["call_id"]
        if call_id not in eligible or call_id in supplied:
            raise ValueError("the call ID of a supplied output is unknown, duplicate or not permitted")
        supplied[call_id] = {**output, "output": copy_output(output["output"])}
    return supplied


SUPPLIED: Final = Shape(
    {"type": one_of("function_call_output"), "call_id": is_text, "output": lambda _: True}, closed=True
)


def is_blank(content: Any) -> bool:
    """Return whether the content of a message is empty: without text, images and files."""
    if type(content) is str:
        return not content.strip()
    try:
        blocks = copy_output(content)
    except ValueError:
        return True
    return all(block["type"] == "input_text" and not block["text"].strip() for block in blocks)
