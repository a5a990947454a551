"""The tool loop: `run_tools` of chat completions and of responses.

It sends the request, runs the tools that the model calls, and sends their results, until the model's output contains no
call or a limit is reached. The calls of one output run concurrently. A tool is a function, sync or async with either
client, or a type whose values are callable.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from oai._errors import LengthFinishReasonError, OpenAIError, ToolError
from oai._flow.steps import Steps, run_concurrently
from oai._json.encode import encode
from oai._request.client_core import core_of
from oai._support.async_library import to_thread
from oai._support.named_tuples import readable
from oai._support.omit import omit
from oai._support.plain_data import as_list
from oai.helpers.structured.parse import chat_request, responses_request
from oai.helpers.structured.parsed import parse_completion, parse_response
from oai.helpers.structured.tools import Tools

if TYPE_CHECKING:
    from oai.helpers.structured.functions import FunctionTool

A = TypeVar("A")

MOST_ROUNDS = 10
MOST_PARALLEL = 8


@dataclass
class ToolRun(Generic[A]):
    """The result of `run_tools`.

    Attributes:
        answer: the last result, parsed: a `ParsedChatCompletion` or a `ParsedResponse`.
        messages: the whole conversation, including the last message, to continue with; input items for `responses`.
        answers: all results in order, each with its usage.
        pending: calls in the last result of tools without a function, which the caller has to run.
    """

    answer: A
    messages: list[Any]
    answers: list[Any]
    pending: list[Any]


@readable
class ToolCall(NamedTuple):
    """A call by the model, from either API."""

    id: str
    name: str
    arguments: Any
    item: Any

    @property
    def namespace(self) -> str | None:
        """The namespace of the tool, if it has one."""
        return getattr(self.item, "namespace", None)


class ToolRunner:
    """One run: its conversation, its limits, and the execution of calls."""

    def __init__(self, client: Any, tools: Tools, messages: list[Any], options: dict[str, Any]) -> None:
        self.client = client
        self.tools = tools
        self.messages = messages
        self.answers: list[Any] = []
        self.rounds: int = options.pop("max_rounds", MOST_ROUNDS)
        self.raises = _choice(options.pop("on_tool_error", "return")) == "raise"
        self.parallel: int = options.pop("max_parallel", MOST_PARALLEL)
        if self.rounds < 1 or self.parallel < 1:
            raise ValueError(f"max_rounds and max_parallel must be at least 1, not {self.rounds} and {self.parallel}")

    def pending(self, calls: list[ToolCall]) -> list[Any]:
        """Return the calls that only the caller can run."""
        return [call.item for call in calls if self.tools.has(call.name, call.namespace) and not self._runnable(call)]

    def _tool(self, call: ToolCall) -> FunctionTool | None:
        return self.tools.get(call.name, call.namespace)

    def _runnable(self, call: ToolCall) -> bool:
        tool = self._tool(call)
        return tool is not None and tool.can_run

    def run(self, calls: list[ToolCall]) -> Steps[list[str]]:
        """Run calls, concurrently if there are several, and return their results as text."""
        run_one = self._run_async if core_of(self.client).is_async else self._run
        if len(calls) == 1:
            return [(yield run_one(calls[0]))]
        tasks = [partial(copy_context().run, run_one, call) for call in calls]
        texts: list[str] = yield run_concurrently(self.client, tasks, self.parallel)
        return texts

    def _run(self, call: ToolCall) -> str:
        try:
            result = self._function(call)()
            if inspect.isawaitable(result):
                result = finish(result)
            return _text(result)
        except Exception as error:  # noqa: BLE001 - a tool may raise anything
            return self._failed(call, error)

    async def _run_async(self, call: ToolCall) -> str:
        try:
            function = self._function(call)
            result = function() if self._is_coroutine(call) else await to_thread(function)
            if inspect.isawaitable(result):
                result = await result
            return _text(result)
        except Exception as error:  # noqa: BLE001 - as above
            return self._failed(call, error)

    def _is_coroutine(self, call: ToolCall) -> bool:
        tool = self._tool(call)
        return tool is not None and tool.is_async

    def _function(self, call: ToolCall) -> Callable[[], Any]:
        tool = self._tool(call)
        if tool is None:
            raise LookupError(f"there is no tool {call.name!r}")
        return tool.function(tool.parse(call.arguments))

    def _failed(self, call: ToolCall, error: Exception) -> str:
        if self.raises:
            raise self.error(f"The tool {call.name} failed: {_error_text(error)}", call.name) from error
        return f"Error: {_error_text(error)}".encode(errors="backslashreplace").decode()

    def error(self, message: str, tool: str | None = None) -> ToolError:
        """Return an error with the conversation so far."""
        return ToolError(message, messages=self.messages, answers=self.answers, tool=tool)

    def too_long(self) -> ToolError:
        """Return the error of a model that does not stop calling tools."""
        return self.error(f"The model still calls tools after {self.rounds} rounds (max_rounds).")


def run_chat_tools(
    client: Any, *, messages: Iterable[Any], tools: Iterable[Any], response_format: Any = omit, **params: Any
) -> Steps[ToolRun[Any]]:
    """Run tools until the model is done; return a `ToolRun` (`.answer`: last completion, `.messages`: conversation).

    - `tools`: functions, types and `function_tool` tools.
    - `max_rounds`: maximum number of requests; 10 by default.
    - `on_tool_error`: `return` sends a tool's error to the model, `raise` ends the run with `ToolError`.
    - `max_parallel`: maximum number of calls that run concurrently; 8 by default. Sync functions run in threads.

    Raises:
        ToolError: `max_rounds` was reached, or a tool failed; it carries the conversation so far.
        LengthFinishReasonError: an output with calls was cut at the length limit.
        ParseError: the last output does not fit `response_format`.
    """
    request_tools = Tools(tools)
    run = ToolRunner(client, request_tools, list(messages), params)
    types, params = chat_request(response_format, request_tools.all, params)
    for _ in range(run.rounds):
        completion = yield client.chat.completions.create(messages=list(run.messages), **params)
        run.answers.append(completion)
        message = _message(completion)
        run.messages.append(message)
        calls = [chat_call(call) for call in as_list(message.tool_calls)]
        pending = run.pending(calls)
        if pending or not calls:
            return ToolRun(parse_completion(completion, types), run.messages, run.answers, pending)
        if completion.choices[0].finish_reason == "length":
            raise LengthFinishReasonError(completion=completion)
        for call, text in zip(calls, (yield from run.run(calls)), strict=True):
            run.messages.append({"role": "tool", "tool_call_id": call.id, "content": text})
    raise run.too_long()


def _message(completion: Any) -> Any:
    if not completion.choices or completion.choices[0].message is None:
        raise OpenAIError("The completion has no message, so that run_tools cannot continue.")
    return completion.choices[0].message


def chat_call(call: Any) -> ToolCall:
    """Return a tool call of a chat completion in the form of either API."""
    called = getattr(call, "function", None) or getattr(call, "custom", None)
    arguments = getattr(called, "arguments", None)
    return ToolCall(getattr(call, "id", None) or "", getattr(called, "name", None) or "", arguments, call)


def run_responses_tools(
    client: Any, *, input: str | Iterable[Any], tools: Iterable[Any], text_format: Any = omit, **params: Any
) -> Steps[ToolRun[Any]]:
    """Run tools until the model is done; return a `ToolRun` (`.answer`: last response, `.messages`: all items).

    - `tools`: functions, types, `function_tool` tools, and tools that the server runs.
    - `max_rounds`: maximum number of requests; 10 by default.
    - `on_tool_error`: `return` sends a tool's error to the model, `raise` ends the run with `ToolError`.
    - `max_parallel`: maximum number of calls that run concurrently; 8 by default. Sync functions run in threads.

    Raises:
        ToolError: `max_rounds` was reached, or a tool failed; it carries the items so far.
        ParseError: the last output does not fit `text_format`.
    """
    request_tools = Tools(tools)
    first = [{"role": "user", "content": input}] if isinstance(input, str) else list(input)
    run = ToolRunner(client, request_tools, first, params)
    types, params = responses_request(text_format, request_tools.all, params)
    new = first.copy()
    for _ in range(run.rounds):
        # a conversation keeps its items on the server, so that only the new ones are sent
        items = new if params.get("conversation") else list(run.messages)
        response = yield client.responses.create(input=items, **params)
        run.answers.append(response)
        output = as_list(response.output)
        run.messages += output
        calls = [_responses_call(item) for item in output if getattr(item, "type", None) in CALLS]
        pending = run.pending(calls)
        if pending or not calls or response.status in ("incomplete", "failed", "cancelled"):
            return ToolRun(parse_response(response, types), run.messages, run.answers, pending)
        texts = yield from run.run(calls)
        new = [_output(call, text) for call, text in zip(calls, texts, strict=True)]
        run.messages += new
    raise run.too_long()


CALLS = ("function_call", "custom_tool_call")


def _responses_call(item: Any) -> ToolCall:
    arguments = getattr(item, "arguments", None)
    return ToolCall(getattr(item, "call_id", None) or "", getattr(item, "name", None) or "", arguments, item)


def _output(call: ToolCall, text: str) -> dict[str, Any]:
    return {"type": f"{call.item.type}_output", "call_id": call.id, "output": text}


def _choice(value: str) -> str:
    if value not in ("return", "raise"):
        raise ValueError(f"on_tool_error must be 'return' or 'raise', not {value!r}")
    return value


def finish(awaitable: Any) -> Any:
    """Wait for an awaitable in a sync program, in an event loop of its own."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    async def wait() -> Any:
        return await awaitable

    with ThreadPoolExecutor(1) as pool:  # the calling thread may have a running event loop
        return pool.submit(copy_context().run, asyncio.run, wait()).result()


def _text(result: Any) -> str:
    if not isinstance(result, str):
        return encode(result).decode()
    result.encode()  # report lone surrogates as an error of the tool, not of the next request
    return result


def _error_text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
