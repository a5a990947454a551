"""Optional fields of objects that programs send back whose null is kept, by the class.

The specification requires them in requests, although the official SDK has a default for them: a server refuses a
message without `content`, even if it is null.

Written by `python -m tools.generate nulls`.
"""

from __future__ import annotations

from typing import Final

KEPT_NULLS: Final[dict[str, set[str]]] = {
    "beta.responses_structs.AgentMessageContentComputerScreenshot": {"file_id", "image_url"},
    "beta.responses_structs.BetaResponseCodeInterpreterToolCall": {"code", "outputs"},
    "beta.responses_structs.BetaResponseFunctionShellToolCall": {"environment"},
    "beta.responses_structs.BetaResponseFunctionShellToolCallOutput": {"max_output_length"},
    "beta.responses_structs.BetaResponseInputItemImageGenerationCall": {"result"},
    "beta.responses_structs.BetaResponseToolSearchCall": {"call_id"},
    "beta.responses_structs.BetaResponseToolSearchOutputItem": {"call_id"},
    "chat.structs.ChatCompletionMessage": {"content"},
    "conversations.structs.ComputerScreenshotContent": {"file_id", "image_url"},
    "responses.common_structs.ComputerActionDoubleClick": {"keys"},
    "responses.common_structs.FunctionTool": {"parameters", "strict"},
    "responses.common_structs.ResponseFunctionShellToolCallAction": {"max_output_length", "timeout_ms"},
    "responses.structs.ResponseCodeInterpreterToolCall": {"code", "outputs"},
    "responses.structs.ResponseFunctionShellToolCall": {"environment"},
    "responses.structs.ResponseFunctionShellToolCallOutput": {"max_output_length"},
    "responses.structs.ResponseInputItemImageGenerationCall": {"result"},
    "responses.structs.ResponseToolSearchCall": {"call_id"},
    "responses.structs.ResponseToolSearchOutputItem": {"call_id"},
}
