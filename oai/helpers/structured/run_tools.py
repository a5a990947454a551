"""The tool runner: `run_tools` of chat completions and of responses asks, calls what the model wants, and asks again.

It ends when the model answers without a call, or at a limit. The calls of one answer run at the same time. A tool is
a function, sync or async with either client, or a type whose values can be called.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from oai._errors import LengthFinishReasonError, OpenAIError, ToolError
from oai._flow.steps import run_concurrently
from oai._json.encode import encode
from oai._request.client_core import core_of
from oai._support.omit import omit
from oai.helpers.structured.functions import Tools
from oai.helpers.structured.parse import chat_request, responses_request
from oai.helpers.structured.parsed import parse_completion, parse_response

if TYPE_CHECKING:
    from oai._flow.steps import Steps

A = TypeVar("A")

MOST_ROUNDS = 10
MOST_PARALLEL = 8


@dataclass
class ToolRun(Generic[A]):
    """What a run of tools came to.

    Attributes:
        answer: the model's last answer, parsed: a `ParsedChatCompletion` or a `ParsedResponse`.
        messages: the whole conversation, the last answer included, to go on with; input items for `responses`.
        answers: all answers of the model in their order, each with its usage.
        pending: calls in the last answer of tools that were declared without a function, for the caller to run.
    """

    answer: A
    messages: list[Any]
    answers: list[Any]
    pending: list[Any]


class Call(NamedTuple):
    """A call that the model asks for, whichever API it came by."""

    id: str
    name: str
    arguments: str
    item: Any


class _Runner:
    """The rules of a run: what may be called, how often, and what becomes of an error."""

    def __init__(self, client: Any, tools: Tools, messages: list[Any], options: dict[str, Any]) -> None:
        self.client = client
        self.tools = tools
        self.messages = messages
        self.answers: list[Any] = []
        self.rounds: int = options.pop("max_rounds", MOST_ROUNDS)
        self.raises = _choice(options.pop("on_tool_error", "return")) == "raise"
        self.parallel: int = options.pop("max_parallel", MOST_PARALLEL)
        if self.rounds < 1 or self.parallel < 1:
            raise ValueError("max_rounds and max_parallel are 1 or more")

    def pending(self, calls: list[Call]) -> list[Any]:
        """Return those calls that only the caller can run."""
        return [call.item for call in calls if call.name in self.tools and not self._runnable(call)]

    def _runnable(self, call: Call) -> bool:
        tool = self.tools.get(call.name)
        return tool is not None and tool.can_run

    def run(self, calls: list[Call]) -> Steps[list[str]]:
        """Run calls, at the same time where there are several; return their results as text."""
        one = self._run_async if core_of(self.client).is_async else self._run
        if len(calls) == 1:
            return [(yield one(calls[0]))]
        tasks = [partial(copy_context().run, one, call) for call in calls]
        outcome: list[str] = yield run_concurrently(self.client, tasks, self.parallel)
        return outcome

    def _run(self, call: Call) -> str:
        try:
            result = self._function(call)()
            if inspect.isawaitable(result):
                result = finish(result)
            return _text(result)
        except Exception as error:  # noqa: BLE001 - whatever a user's function raises
            return self._failed(call, error)

    async def _run_async(self, call: Call) -> str:
        from asyncio import to_thread  # a large module, which only async programs have loaded

        try:
            function = self._function(call)
            result = function() if self._is_coroutine(call) else await to_thread(function)
            if inspect.isawaitable(result):
                result = await result
            return _text(result)
        except Exception as error:  # noqa: BLE001 - as above
            return self._failed(call, error)

    def _is_coroutine(self, call: Call) -> bool:
        tool = self.tools.get(call.name)
        return tool is not None and tool.is_async

    def _function(self, call: Call) -> Callable[[], Any]:
        tool = self.tools.get(call.name)
        if tool is None:
            raise LookupError(f"there is no tool {call.name!r}")
        return tool.function(tool.parse(call.arguments))

    def _failed(self, call: Call, error: Exception) -> str:
        if self.raises:
            raise self.error(f"The tool {call.name} failed: {_said(error)}", call.name) from error
        return f"Error: {_said(error)}".encode(errors="backslashreplace").decode()

    def error(self, message: str, tool: str | None = None) -> ToolError:
        return ToolError(message, messages=self.messages, answers=self.answers, tool=tool)

    def too_long(self) -> ToolError:
        return self.error(f"The model still calls tools after {self.rounds} answers (max_rounds).")


def run_chat_tools(
    client: Any, *, messages: Iterable[Any], tools: Iterable[Any], response_format: Any = omit, **params: Any
) -> Steps[ToolRun[Any]]:
    """Return a `ToolRun`: `.answer` is the last completion, `.messages` the whole conversation.

    - `tools`: functions, types, and what `function_tool` makes of them.
    - `max_rounds`: how many answers the model may give; 10.
    - `on_tool_error`: `return` tells the model what a tool raised, `raise` ends the run with `ToolError`.
    - `max_parallel`: how many calls of one answer run at the same time; 8. Sync functions run in threads.

    Raises:
        ToolError: `max_rounds` is reached, or a tool failed; it carries the conversation so far.
        LengthFinishReasonError: an answer was cut at the length limit within its calls.
        ParseError: the last answer does not fit `response_format`.
    """
    known = Tools(tools)
    run = _Runner(client, known, list(messages), params)
    wanted, params = chat_request(response_format, known.given, params)
    for _ in range(run.rounds):
        completion = yield client.chat.completions.create(messages=list(run.messages), **params)
        run.answers.append(completion)
        message = _message(completion)
        run.messages.append(message)
        calls = [_chat_call(each) for each in message.tool_calls or ()]
        pending = run.pending(calls)
        if pending or not calls:
            return ToolRun(parse_completion(completion, wanted), run.messages, run.answers, pending)
        if completion.choices[0].finish_reason == "length":
            raise LengthFinishReasonError(completion=completion)
        for call, text in zip(calls, (yield from run.run(calls)), strict=True):
            run.messages.append({"role": "tool", "tool_call_id": call.id, "content": text})
    raise run.too_long()


def _message(completion: Any) -> Any:
    if not completion.choices or completion.choices[0].message is None:
        raise OpenAIError("The server answered with no message, so that the run of tools cannot go on.")
    return completion.choices[0].message


def _chat_call(call: Any) -> Call:
    called = getattr(call, "function", None) or getattr(call, "custom", None)
    arguments = getattr(called, "arguments", None) or ""
    return Call(getattr(call, "id", None) or "", getattr(called, "name", None) or "", arguments, call)


def run_responses_tools(
    client: Any, *, input: str | Iterable[Any], tools: Iterable[Any], text_format: Any = omit, **params: Any
) -> Steps[ToolRun[Any]]:
    """Return a `ToolRun`: `.answer` is the last response, `.messages` all input and output items.

    - `tools`: functions, types, what `function_tool` makes of them, and tools that the server runs itself.
    - `max_rounds`: how many answers the model may give; 10.
    - `on_tool_error`: `return` tells the model what a tool raised, `raise` ends the run with `ToolError`.
    - `max_parallel`: how many calls of one answer run at the same time; 8. Sync functions run in threads.

    Raises:
        ToolError: `max_rounds` is reached, or a tool failed; it carries the items so far.
        ParseError: the last answer does not fit `text_format`.
    """
    known = Tools(tools)
    first = [{"role": "user", "content": input}] if isinstance(input, str) else list(input)
    run = _Runner(client, known, first, params)
    wanted, params = responses_request(text_format, known.given, params)
    new = first.copy()
    for _ in range(run.rounds):
        # a conversation keeps its items on the server, so that only the new ones are sent
        items = new if params.get("conversation") else list(run.messages)
        response = yield client.responses.create(input=items, **params)
        run.answers.append(response)
        output = response.output or []
        run.messages += output
        calls = [_responses_call(each) for each in output if getattr(each, "type", None) in CALLS]
        pending = run.pending(calls)
        if pending or not calls or response.status in ("incomplete", "failed", "cancelled"):
            return ToolRun(parse_response(response, wanted), run.messages, run.answers, pending)
        texts = yield from run.run(calls)
        new = [_output(call, text) for call, text in zip(calls, texts, strict=True)]
        run.messages += new
    raise run.too_long()


CALLS = ("function_call", "custom_tool_call")


def _responses_call(item: Any) -> Call:
    arguments = getattr(item, "arguments", None) or ""
    return Call(getattr(item, "call_id", None) or "", getattr(item, "name", None) or "", arguments, item)


def _output(call: Call, text: str) -> dict[str, Any]:
    return {"type": f"{call.item.type}_output", "call_id": call.id, "output": text}


def _choice(value: str) -> str:
    if value not in ("return", "raise"):
        raise ValueError(f"on_tool_error is {value!r}, not 'return' or 'raise'")
    return value


def finish(awaitable: Any) -> Any:
    """Wait for an async function of a sync client, in a loop of its own."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    async def wait() -> Any:
        return await awaitable

    with ThreadPoolExecutor(1) as pool:  # a thread of its own: this one may have a loop that runs
        return pool.submit(copy_context().run, asyncio.run, wait()).result()


def _text(result: Any) -> str:
    if not isinstance(result, str):
        return encode(result).decode()
    result.encode()  # text that cannot be sent is an error of the tool, and not of the request after it
    return result


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
