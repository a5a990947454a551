"""Responses whose texts and function calls are parsed; `responses.parse` returns them.

The server did not send the parsed values, so `to_dict()` omits them; `model_dump()` includes them, as the official
SDK's. Written by hand, unlike the other modules here.
"""

# No `from __future__ import annotations` here: see `oai._json.objects`.

from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from oai._json.objects import Tag
from oai._support.plain_data import as_list
from oai.types.responses.common_structs import ResponseOutputText
from oai.types.responses.structs import Response, ResponseFunctionToolCall, ResponseOutputMessage

if TYPE_CHECKING:
    from oai.types.responses.common_structs import ResponseOutputRefusal
    from oai.types.responses.structs import (
        ResponseApplyPatchToolCall,
        ResponseApplyPatchToolCallOutput,
        ResponseCodeInterpreterToolCall,
        ResponseCompactionItem,
        ResponseComputerToolCall,
        ResponseComputerToolCallOutputItem,
        ResponseCustomToolCall,
        ResponseCustomToolCallOutputItem,
        ResponseFileSearchToolCall,
        ResponseFunctionShellToolCall,
        ResponseFunctionShellToolCallOutput,
        ResponseFunctionToolCallOutputItem,
        ResponseFunctionWebSearch,
        ResponseInputItemImageGenerationCall,
        ResponseInputItemLocalShellCall,
        ResponseInputItemLocalShellCallOutput,
        ResponseInputItemMcpApprovalRequest,
        ResponseInputItemMcpCall,
        ResponseInputItemMcpListTools,
        ResponseInputItemProgram,
        ResponseInputItemProgramOutput,
        ResponseItemAdditionalTools,
        ResponseItemMcpApprovalResponse,
        ResponseReasoningItem,
        ResponseToolSearchCall,
        ResponseToolSearchOutputItem,
    )

T = TypeVar("T")


class ParsedResponseOutputText(ResponseOutputText, Generic[T], tag_field="type", tag="output_text"):
    """Text with its parsed value."""

    _computed: ClassVar[tuple[str, ...]] = ("parsed",)

    type: Tag[Literal["output_text"]] = "output_text"

    @property
    def parsed(self) -> T | None:
        """The parsed text, `None` if it is not the final output."""
        return self.__dict__.get("_parsed")


class ParsedResponseOutputMessage(ResponseOutputMessage, Generic[T], tag_field="type", tag="message"):
    """A message with parsed texts."""

    type: Tag[Literal["message"]] = "message"
    if TYPE_CHECKING:  # what `parse` puts there; a response is decoded as the server sent it
        content: list[ParsedResponseOutputText[T] | ResponseOutputRefusal]  # type: ignore[assignment]  # it is only read


class ParsedResponseFunctionToolCall(ResponseFunctionToolCall, tag_field="type", tag="function_call"):
    """A function call with parsed arguments."""

    _computed: ClassVar[tuple[str, ...]] = ("parsed_arguments",)

    type: Tag[Literal["function_call"]] = "function_call"

    @property
    def parsed_arguments(self) -> Any:
        """The arguments in the tool's type, as plain data if a strict tool has no type, else `None`."""
        return self.__dict__.get("_parsed")


class ParsedResponse(Response, Generic[T]):
    """A response with parsed texts and function calls."""

    if TYPE_CHECKING:  # as above; otherwise the members of `ResponseOutputItem`
        output: list[  # type: ignore[assignment]  # as above
            ParsedResponseOutputMessage[T]
            | ParsedResponseFunctionToolCall
            | ResponseFileSearchToolCall
            | ResponseFunctionToolCallOutputItem
            | ResponseFunctionWebSearch
            | ResponseComputerToolCall
            | ResponseComputerToolCallOutputItem
            | ResponseReasoningItem
            | ResponseInputItemProgram
            | ResponseInputItemProgramOutput
            | ResponseToolSearchCall
            | ResponseToolSearchOutputItem
            | ResponseItemAdditionalTools
            | ResponseCompactionItem
            | ResponseInputItemImageGenerationCall
            | ResponseCodeInterpreterToolCall
            | ResponseInputItemLocalShellCall
            | ResponseInputItemLocalShellCallOutput
            | ResponseFunctionShellToolCall
            | ResponseFunctionShellToolCallOutput
            | ResponseApplyPatchToolCall
            | ResponseApplyPatchToolCallOutput
            | ResponseInputItemMcpCall
            | ResponseInputItemMcpListTools
            | ResponseInputItemMcpApprovalRequest
            | ResponseItemMcpApprovalResponse
            | ResponseCustomToolCall
            | ResponseCustomToolCallOutputItem
        ]

    @property
    def output_parsed(self) -> T | None:
        """The first parsed value of the output's texts, `None` if there is none."""
        items: list[Any] = [item for item in as_list(self.output) if isinstance(item, ParsedResponseOutputMessage)]
        texts: list[Any] = [
            part for item in items for part in as_list(item.content) if isinstance(part, ParsedResponseOutputText)
        ]
        return next((text.parsed for text in texts if text.parsed is not None), None)
