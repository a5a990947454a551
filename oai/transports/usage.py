"""Count the tokens of calls by operation, model and tag; price them, and refuse calls that would exceed a budget.

    usage = Usage(HTTPTransport(), prices="prices.toml", budgets=[Budget(cost=5.0)])
    client = OpenAI(transport=usage)
    ...
    print(usage)

One generator of effects serves sync and async transports.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from oai._flow.drivers import drive, drive_async
from oai._http.messages import Request
from oai._metering.batch_output import BatchOutputMeter, is_file_content
from oai._metering.budgets import Budget, BudgetExceededError
from oai._metering.ledger import Ledger, OpenCall, UsageRow
from oai._metering.prices import Prices
from oai._metering.replies import AsyncMeteredReply, MeteredReply
from oai._metering.request_facts import RequestFacts, estimated_input, request_facts
from oai._metering.response_meter import ResponseFacts, ResponseMeter, message_facts
from oai._metering.socket_meters import SocketMeter, in_turn
from oai._metering.tags import TAG_HEADER, current_tag, tagged
from oai._metering.usage_chunk import HiddenChunk, with_usage
from oai.transports._wrapper import Wrapper

__all__ = ["Budget", "BudgetExceededError", "Usage", "UsageRow"]


class Usage(Wrapper):
    """A transport that counts the tokens of another one's responses.

    Args:
        transport: the transport that sends, sync or async; it is closed with this one.
        prices: a TOML file of prices, or its content, see `Prices`.
        budgets: limits of cost or tokens. A request whose estimate could exceed one raises `BudgetExceededError`. The
            estimate is its input, and its `max_output_tokens` (or `max_completion_tokens`, `max_tokens`), else the
            largest output of that model so far.
        include_usage: whether streams of chat completions and completions are requested with
            `stream_options.include_usage`. The additional chunk is hidden from a caller that did not request it.
        tag: the tag of requests that are not tagged otherwise.

    The tokens of WebSocket sessions are counted as their messages report them, and those of batches when their output
    files are downloaded, each once. A response that is retrieved again does not count again.

    A pickled copy and the child of a fork start at zero, with budgets of their own; `merge` adds the rows of others.

    Raises:
        OSError: the file of prices cannot be read.
        ValueError: a price is invalid, or a budget of cost has no prices.
    """

    def __init__(
        self,
        transport: Any,
        *,
        prices: str | os.PathLike[str] | Mapping[str, Any] | Prices | None = None,
        budgets: Iterable[Budget] = (),
        include_usage: bool = True,
        tag: str = "",
    ) -> None:
        super().__init__(transport)
        self._prices = prices if prices is None or isinstance(prices, Prices) else Prices(prices)
        self._budgets = tuple(budgets)
        self._include_usage = include_usage
        self._own_tag = tag
        self._books = _Books(self._prices, self._budgets)

    def __reduce__(self) -> Any:
        return _rebuild, (
            type(self),
            self._transport,
            self._prices,
            self._budgets,
            self._include_usage,
            self._own_tag,
        )

    def send(self, request: Request) -> Any:
        """Send and count; return a reply, or a coroutine of one if the transport is async.

        Raises:
            BudgetExceededError: a budget does not allow the request, which is not sent.
        """
        return drive_async(self._flow(request)) if self.is_async else drive(self._flow(request))

    def _flow(self, request: Request) -> Generator[tuple[Any, ...], Any, Any]:
        """Yield effects, each a function and its arguments, for either driver."""
        ledger = self._books.ledger
        facts = request_facts(request.body)
        tag, request = self._tagged(request)
        call = self._open(ledger, request, facts, tag)
        changed = with_usage(request, facts) if self._include_usage else None
        try:
            reply = yield self._transport.send, changed or request
        except BaseException:
            ledger.fail(call)
            raise
        if not 200 <= reply.status < 300:
            ledger.fail(call)
            return reply
        if is_file_content(request):
            return self._metered_file(reply, call, request)
        generates = request.method != "GET"
        return self._metered(reply, call, hides=changed is not None, generates=generates)

    def _open(self, ledger: Ledger, request: Request, facts: RequestFacts, tag: str) -> OpenCall:
        name = request.operation.name if request.operation is not None else ""
        model = facts.model_name or ""
        needs_estimate = bool(facts.model_name) and (bool(ledger.accounts) or facts.stream is True)
        tokens = estimated_input(request.body, model) if needs_estimate else 0
        return ledger.open((name, model, tag), tokens, facts.most_output)

    def _metered(self, reply: Any, call: OpenCall, *, hides: bool, generates: bool) -> Any:
        ledger = self._books.ledger
        meter = ResponseMeter(reply.headers, 0.0)
        hidden = HiddenChunk(reply.headers) if hides and meter.is_stream else None

        def on_end(_: BaseException | None) -> None:
            facts = meter.finish()
            if call.key[0].startswith("batches."):
                facts.usage = None  # counted by model, from the output of the batch
            ledger.settle(call, facts, counts_events=meter.is_stream, generates=generates)

        reply_type = AsyncMeteredReply if self.is_async else MeteredReply
        return reply_type(reply, meter, on_end, hidden, hidden.headers if hidden is not None else None)

    def _metered_file(self, reply: Any, call: OpenCall, request: Request) -> Any:
        """Return a reply that counts the responses in the content of a file, if that is the output of a batch."""
        ledger = self._books.ledger
        meter = BatchOutputMeter(reply.headers)

        def on_end(_: BaseException | None) -> None:
            ledger.settle(call, ResponseFacts(), counts_events=False)
            ledger.count_batch(request.url, meter.finish(), call.key[2])

        return (AsyncMeteredReply if self.is_async else MeteredReply)(reply, meter, on_end)

    def socket_meter(self, operation: str, model: str) -> SocketMeter | None:
        """Return a function that counts the tokens in the messages of a WebSocket, for its `connect`.

        Raises:
            BudgetExceededError: a budget does not allow another session.
        """
        ledger = self._books.ledger
        tag = current_tag.get() or self._own_tag
        ledger.check((operation, model, tag))

        def count(data: bytes) -> None:
            facts = message_facts(data)
            if facts is not None and facts.usage is not None:
                name = facts.model or ""
                ledger.count((operation, model or name, tag), facts.usage, model=name, object_id=facts.id)

        return in_turn(count, super().socket_meter(operation, model))

    def _tagged(self, request: Request) -> tuple[str, Request]:
        """Return the tag of a request, and the request without the header that held it."""
        fields = [field for field in request.headers if field[0].lower() != TAG_HEADER]
        if len(fields) == len(request.headers):
            return current_tag.get() or self._own_tag, request
        tag = next(value for name, value in request.headers if name.lower() == TAG_HEADER)
        request = request.copy()
        request.headers = fields
        return tag, request

    @staticmethod
    @contextmanager
    def tag(name: str) -> Iterator[None]:
        """Tag the requests of a `with` block, also those of tasks that it starts.

        Threads do not inherit it; a request header `X-Oai-Tag` works anywhere.
        """
        with tagged(name):
            yield

    def rows(self) -> list[UsageRow]:
        """Return the totals by operation, model and tag."""
        return self._books.ledger.rows()

    @property
    def total(self) -> UsageRow:
        """The sum of all rows."""
        total = UsageRow("total", "", "")
        for row in self.rows():
            total.add(row)
        return total

    @property
    def currency(self) -> str:
        """The currency of costs."""
        return self._books.ledger.currency

    def merge(self, rows: Iterable[UsageRow]) -> None:
        """Add the rows of another process; budgets do not count them."""
        self._books.ledger.merge(rows)

    def table(self) -> str:
        """Return the totals as a table of text."""
        from oai._metering.reports import text_table

        return text_table(self.rows(), self.total, self.currency)

    __str__ = table

    def metrics(self) -> str:
        """Return the totals in the text format of Prometheus."""
        from oai._metering.reports import prometheus

        ledger = self._books.ledger
        return prometheus(ledger.rows(), ledger.accounts, ledger.currency)

    def _repr_html_(self) -> str:
        from oai._metering.reports import html_table

        return html_table(self.rows(), self.total, self.currency)

    def __repr__(self) -> str:
        total = self.total
        return f"<Usage {total.requests} requests, {total.input_tokens + total.output_tokens} tokens>"


class _Books:
    """The ledger of this process; a forked child gets a new one, since its parent counts its own calls."""

    def __init__(self, prices: Prices | None, budgets: tuple[Budget, ...]) -> None:
        self._prices, self._budgets = prices, budgets
        self._ledger = Ledger(prices, budgets)
        self._process = os.getpid()

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        if self._process != os.getpid():
            self._ledger, self._process = Ledger(self._prices, self._budgets), os.getpid()
        return self._ledger


def _rebuild(kind: type[Usage], transport: Any, prices: Any, budgets: Any, include_usage: bool, tag: str) -> Usage:
    return kind(transport, prices=prices, budgets=budgets, include_usage=include_usage, tag=tag)
