"""The steps of a run, repeated: request, inspection of the response, a turn for the program, execution."""

from __future__ import annotations

import asyncio
import time
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from oai._flow.steps import Steps
from oai._json.decode import convert
from oai._json.dump import dump, source_of
from oai._support.named_tuples import readable
from oai.helpers.streaming.responses import ResponseStreamState
from oai.lib._item_shapes import SERVER_ITEM, SERVER_ITEMS
from oai.lib._tool_runs import next_idempotency_headers
from oai.lib.responses_tool_runner.batch import CALLS, Batch
from oai.lib.responses_tool_runner.errors import STEP_LIMIT, RunFailure
from oai.lib.responses_tool_runner.execution import Callbacks, Execution
from oai.lib.responses_tool_runner.jobs import Jobs
from oai.lib.responses_tool_runner.server_tools import SERVER_TOOLS
from oai.lib.responses_tool_runner.state import RunState
from oai.lib.responses_tool_runner.turns import ResponsesRunnerTurn
from oai.lib.tool_diagnostics import Reason, emit_tool_diagnostic
from oai.types.responses import ResponseOutputItem

if TYPE_CHECKING:
    from oai.lib.responses_tool_runner.registration import Early, Function

Item = dict[str, Any]

END: Final = object()


@readable
class Streaming(NamedTuple):
    """How the responses of a run arrive.

    Attributes:
        is_streamed: whether they are streamed.
        is_eager: whether calls are executed while the stream continues.
        most_parallel: maximum number of independent functions that run at the same time.
    """

    is_streamed: bool
    is_eager: bool
    most_parallel: int


class RunSteps:
    """The steps of a run.

    Args:
        client: the client for the responses.
        state: the state of the run.
        streaming: how the responses arrive.
        callbacks: the functions of the program.
        browser: the toolset of browser functions.
        computer: the toolset for the computer.
        is_async: whether the client and the functions are for asyncio.
    """

    _batch: Batch
    """The batch of the current turn."""

    def __init__(
        self,
        client: Any,
        state: RunState,
        streaming: Streaming,
        callbacks: Callbacks,
        *,
        browser: Any,
        computer: Any,
        is_async: bool,
    ) -> None:
        kinds = {tool["type"] for tool in state.tools}
        self._has_server_tools = not kinds.isdisjoint(SERVER_TOOLS)
        self._client = client.with_options(max_retries=0) if state.ledger is not None or "mcp" in kinds else client
        self._state, self._streaming, self._callbacks = state, streaming, callbacks
        # With server tools, the whole response is inspected before anything is executed.
        self._is_eager = streaming.is_eager and not self._has_server_tools
        self._early = self._early_tools() if self._is_eager else None
        self._is_async = is_async
        self._execution = Execution(state, browser, computer, callbacks, is_async=is_async)
        self.jobs = Jobs(streaming.most_parallel, is_async=is_async)

    def _early_tools(self) -> Early | None:
        registry = self._state.registry
        if registry.early is None and self._callbacks.before_early_call is not None:
            return registry.everything
        return registry.early

    def all(self) -> Steps[None]:
        """Yield each turn as a `ResponsesRunnerTurn`, in addition to what has to be awaited.

        Raises:
            RunFailure: the run cannot continue.
        """
        state = self._state
        for response, request in state.approvals_to_refresh():
            response["approve"] = yield from self._execution.approve(request)
        for step in range(state.consumed_requests, state.max_steps):
            self._batch = Batch(state, is_last=step == state.max_steps - 1)
            state.check()
            request = yield from self._request(step)
            received = yield from self._reported(request)
            if (yield from self._turn(step, received)):
                return
        raise RunFailure(STEP_LIMIT)

    def settle(self) -> Steps[None]:
        """Wait for the functions that are running, and raise their first error."""
        if self.jobs.are_running:
            yield from self.jobs.settle(self._batch.add)

    def _request(self, step: int) -> Steps[dict[str, Any]]:
        state = self._state
        request = {**state.request, "input": state.history}
        headers = next_idempotency_headers(self._client, request.get("extra_headers")) if step else None
        if headers is not None:
            request["extra_headers"] = headers
        excess = state.excess()
        if excess is not None and state.budget is not None:
            eligible = list(excess["eligible_call_ids"])  # the program may change its snapshot
            decision = yield self._execution.resolve(state.budget["compact"](excess))
            state.check()
            request["input"] = state.reduced(decision, eligible)
        if state.ledger is not None:
            state.consumed_requests = step + 1
            yield from self._execution.save("pending" if self._has_server_tools else "boundary", self._batch)
            state.check()
        return request

    def _reported(self, request: dict[str, Any]) -> Steps[_Received]:
        """Send a request, and return the response."""
        started = time.monotonic()
        try:
            if self._streaming.is_streamed:
                received = yield from self._stream(request)
            else:
                response = yield self._client.responses.create(**request)
                received = _Received.of(response, dump(response, source=source_of(response)))
        except (Exception, asyncio.CancelledError) as error:
            self._report("cancelled" if isinstance(error, asyncio.CancelledError) else "api_failed", started)
            raise
        self._report("completed", started, received.usage)
        self._state.check()
        return received

    def _report(self, reason: Reason, started: float, usage: object = None) -> None:
        emit_tool_diagnostic(self._state.observer, "responses", "request", reason, started, usage=usage)

    def _stream(self, request: dict[str, Any]) -> Steps[_Received]:
        stream = yield self._client.responses.create(**request, stream=True)
        events: ResponseStreamState[Any] = ResponseStreamState(input_tools=self._state.tools)
        completed: Any = None
        try:
            while (event := (yield anext(stream, END) if self._is_async else next(stream, END))) is not END:
                if getattr(event, "type", None) == "response.completed":
                    completed = event.response
                for extended in events.handle_event(event):
                    yield from self._observe(extended)
            yield from self.settle()
        finally:
            yield stream.close()
        if completed is None:
            raise RunFailure("the stream ended without a completed response")
        # `events` restores what a server streamed and left out of its final response; a run must not.
        return _Received.of(events.get_final_response(), dump(completed))

    def _observe(self, event: Any) -> Steps[None]:
        """Pass a copy of an event on, so that the program cannot change what is executed."""
        self._state.check()
        if self._callbacks.on_event is not None:
            yield self._execution.resolve(self._callbacks.on_event(deepcopy(event)))
        self._state.check()
        if getattr(event, "type", None) == "response.output_item.done":
            yield from self._take(event.output_index, wire(event.item))

    def _take(self, index: int, item: Item) -> Steps[None]:
        """Take an item of the stream, and execute it if the run is eager."""
        if not self._streaming.is_eager:
            return
        if self._state.ledger is not None:
            yield from self._save_item(item)
        if not self._is_eager:
            return
        if not (yield from self._may_execute(index, item)):
            yield from self.settle()
        elif self._is_independent(item):
            self._batch.accept(index, item)
            self.jobs.start(item, self._execution.function(self._batch, item))
            if self.jobs.is_full:
                yield from self.settle()
        else:
            yield from self.settle()
            yield from self._execution.steps(self._batch, index, item)

    def _save_item(self, item: Item) -> Steps[None]:
        batch = self._batch
        batch.pending = [*(batch.pending or []), item]
        if len(batch.pending) == 1 or item.get("type") in SERVER_ITEMS:  # a checkpoint for each would add up
            yield from self._execution.save("pending", batch)
        self._state.check()

    def _may_execute(self, index: int, item: Item) -> Steps[bool]:
        is_permitted = self._batch.receive(index, item, self._early)
        before = self._callbacks.before_early_call
        if not is_permitted or before is None or item["type"] not in CALLS:
            return is_permitted
        decision = yield self._execution.resolve(before(convert(ResponseOutputItem, deepcopy(item))))
        self._state.check()
        if type(decision) is not str or decision not in ("execute", "defer"):
            raise RunFailure("before_early_call must return execute or defer")
        self._batch.deferred = decision == "defer"
        return not self._batch.deferred

    def _is_independent(self, item: Item) -> bool:
        if self._state.ledger is not None or item["type"] != "function_call":
            return False
        function: Function | None = self._state.registry.functions.get(item["name"])
        return function is not None and function.independent

    def _turn(self, step: int, received: _Received) -> Steps[bool]:
        """Inspect a response, yield its turn, and execute its calls. Return whether the run is complete."""
        batch, execution = self._batch, self._execution
        if self._state.ledger is not None and any(map(_has_failed, received.items)):
            batch.pending = received.items
            yield from execution.save("pending", batch)
        is_final = batch.admit(received.status, received.items, is_streamed=self._is_eager)
        is_pending = not is_final and (not self._is_eager or len(batch.items) < len(received.items))
        yield from self._save_turn(received, is_final=is_final, is_pending=is_pending)
        batch.is_paused = True
        try:
            yield self._paused(step + 1, received, is_final=is_final)
        finally:
            batch.is_paused = False
        if is_final:
            return True
        if is_pending:
            for index in range(len(batch.items), len(received.items)):
                yield from execution.steps(batch, index, received.items[index])
            batch.finish(received.status, received.items)
        self._state.history.extend({"role": "user", "content": text} for text in batch.user_text)
        if (is_pending or batch.user_text) and self._state.ledger is not None:
            yield from execution.save("boundary", batch)
            self._state.check()
        return False

    def _save_turn(self, received: _Received, *, is_final: bool, is_pending: bool) -> Steps[None]:
        if self._state.ledger is None:
            return
        if is_pending:
            self._batch.pending = received.items
            yield from self._execution.save("pending", self._batch)
        else:
            data = received.data if is_final else None
            yield from self._execution.save("final" if is_final else "boundary", self._batch, data)
        self._state.check()

    def _paused(self, step: int, received: _Received, *, is_final: bool) -> ResponsesRunnerTurn:
        batch, state = self._batch, self._state
        waiting = [item for item in received.items[len(batch.items) :] if item["type"] == "function_call"]
        eligible = frozenset(item["call_id"] for item in waiting if item["name"] in state.registry.overridable)
        is_closed = self._is_eager and self._early is None
        return ResponsesRunnerTurn(
            response=received.response,
            step=step,
            final=is_final,
            tools_executed=bool(batch.outputs),
            attempted_call_ids=tuple(state.attempted),
            completed_call_ids=tuple(state.completed),
            _supply=partial(batch.supply, eligible=eligible, is_closed=is_closed),
            _append=partial(batch.append_user_text, is_final=is_final),
        )


class _Received(NamedTuple):
    """A response, and its data as it was when it arrived: the program may change the response."""

    response: Any
    data: Item
    status: Any
    items: list[Item]
    usage: object

    @classmethod
    def of(cls, response: Any, data: Item) -> _Received:
        items = [_own(item) for item in data.get("output") or []]
        return cls(response, data, data.get("status"), items, deepcopy(response.usage))


def wire(item: Any) -> Item:
    """Return an item of output as an item of input."""
    return _own(dump(item))


def _own(data: Item) -> Item:
    """Return the data of an item without the fields that requests do not have."""
    item = {name: value for name, value in data.items() if name != "created_by"}
    if item.get("type") == "function_call":
        item.pop("parsed_arguments", None)
        if item.get("id") is None:  # which responses may have, and requests must not
            item.pop("id", None)
    elif item.get("type") == "message" and isinstance(item.get("content"), list):
        item["content"] = [_own_part(part) for part in item["content"]]
    return item


def _own_part(part: Any) -> Any:
    is_text = isinstance(part, dict) and part.get("type") == "output_text"
    return {name: value for name, value in part.items() if name != "parsed"} if is_text else part


def _has_failed(item: Item) -> bool:
    return item.get("type") in SERVER_ITEMS and not SERVER_ITEM({**item, "id": ""})
