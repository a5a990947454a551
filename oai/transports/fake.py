"""A transport that returns what a test programs, and records the calls it receives.

    fake = oai.FakeTransport()
    fake.chat.completions.create.returns("Hello!")
    client = oai.OpenAI(transport=fake)

Its attributes are the call paths of the table, so that every operation with a row can be programmed. One class serves
sync and async clients, and any number of threads. The programming methods are in `oai._fake.program`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from oai._fake.answers import AnswerFactory, CannedReply
from oai._fake.calls import Call, Calls, UnexpectedCall, Upload
from oai._fake.paths import OWN_TABLE, FakeBehaviour, FakeOperation, FakeState
from oai._fake.program import Program, failure
from oai._fake.reply import FakeReply
from oai._http.either import AWAITABLE_NONE
from oai._http.messages import Request, TransportError
from oai._incoming.reading import path_values
from oai._offline.answers import answer
from oai._support.suggest import nearest
from oai._table.load import merged_table, table_sources
from oai._table.table import Table

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self


__all__ = ["Call", "Calls", "FakeOperation", "FakeTransport", "Program", "UnexpectedCall", "Upload"]


class FakeTransport:
    """A programmable fake: `fake.chat.completions.create.returns("Hello!")`.

    It needs no key and no network. As a context manager with `unused="error"` it checks at the end of the block, unless
    an exception ends it, that all programmed answers were used.

    Args:
        table: a TOML file of rows, or several, laid over the shipped table; the same as a client's `table`
            (`OAI_TABLE`).
        otherwise: how to treat calls without a programmed answer: `"error"` raises `UnexpectedCall`, `"offline"`
            returns an invented response as `OfflineTransport` does.
        unused: `"error"` raises `UnusedAnswers` at the end of the block if programmed answers were not used;
            `"ignore"` does not.

    Raises:
        ValueError: an option has an invalid value.
        TableError: a table has an invalid row.
    """

    needs_key = False
    failure = staticmethod(failure)

    def __init__(
        self,
        *,
        table: str | os.PathLike[str] | Table | list[str | os.PathLike[str]] | None = None,
        otherwise: Literal["error", "offline"] = "error",
        unused: Literal["error", "ignore"] = "ignore",
    ) -> None:
        self._otherwise = _option("otherwise", otherwise, ("error", "offline"))
        self._unused = _option("unused", unused, ("error", "ignore"))
        self._state = FakeState(merged_table(table_sources(table)))
        self._closed = False

    def __getitem__(self, path: str) -> FakeOperation:
        """Return the operation of a call path or alias, `fake["chat.completions.create"]`.

        Raises:
            KeyError: there is no such operation; suggests the nearest.
        """
        table = self._state.table
        operation = path if path in table else self._state.aliases().get(path)
        if operation is None:
            right = nearest(path, table)
            raise KeyError(f"there is no operation {path!r}{f'; did you mean {right!r}?' if right else OWN_TABLE}")
        return FakeOperation(self._state, operation)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._state.below(name, self, dir(self))

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self._state.names(""), *self._state.aliases()})

    def __repr__(self) -> str:
        return f"<FakeTransport of {len(self._state.behaviours)} operations, {len(self.calls)} calls>"

    @property
    def calls(self) -> Calls:
        """All calls so far, in the order of arrival."""
        return self._state.all_calls()

    @property
    def unused(self) -> list[str]:
        """The programmed answers that have not been used yet."""
        with self._state.lock:
            programs = [behaviour.program for behaviour in self._state.behaviours.values()]
            return [line for program in programs if program is not None for line in program.unused()]

    def reset(self) -> None:
        """Forget all programs, delays and calls."""
        with self._state.lock:
            self._state.behaviours.clear()
            self._state.calls.clear()

    def send(self, request: Request) -> Any:
        """Return the programmed reply, which can be awaited but need not be.

        Raises:
            UnexpectedCall: no answer is programmed for the call.
            TransportError: a failure is programmed for it, or the fake was closed.
        """
        if self._closed:
            raise TransportError("closed", "the fake was closed")
        request = self._identified(request)
        path = urlsplit(request.url).path
        name = request.operation.name if request.operation else f"{request.method} {path}"
        call = Call(name, request, path_values(request, path))
        behaviour = self._state.behaviours.get(name) or FakeBehaviour()
        with self._state.lock:
            self._state.calls.append(call)
            number = len(self._state.calls)
            step = behaviour.program.take() if behaviour.program else None
        if step is None and self._otherwise == "error":
            raise UnexpectedCall(self._not_programmed(call, behaviour.program))
        return _reply(behaviour, _offline if step is None else step.answer, call, request, number)

    def _identified(self, request: Request) -> Request:
        """Return the request with its operation: of those that it matches, a programmed one, else the likeliest.

        One request may match two operations, such as `chat.completions.create` and its beta twin.
        """
        likeliest: Request | None = None
        for each in self._state.incoming.requests(request):
            if each.operation and self._state.programmed(each.operation.name):
                return each
            likeliest = likeliest or each
        return likeliest or request

    def _not_programmed(self, call: Call, program: Program | None) -> str:
        name = call.operation
        event = f"unexpected call of {name} ({call.method} {call.path})"
        if name not in self._state.table:
            return f"{event}: no row of the fake's table declares it; add yours with FakeTransport(table=...)"
        if program is not None:
            count = sum(step.used for step in program)
            hint = "add .then.returns(...), or omit `times` of the last answer"
            return f"{event}: it is programmed for {count} calls, all used; {hint}"
        others = [path for path in self._state.behaviours if self._state.programmed(path)]
        programmed = f" (programmed: {', '.join(others)})" if others else ""
        return (
            f"{event}: no answer is programmed{programmed}; add one with fake.{name}.returns(...), "
            "or let FakeTransport(otherwise='offline') invent all others"
        )

    def close(self) -> Any:
        """Refuse all further requests. The result can be awaited."""
        self._closed = True
        return AWAITABLE_NONE

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind is None and self._unused == "error" and (unused := self.unused):
            from oai.transports.recorder import UnusedAnswers

            raise UnusedAnswers(f"{len(unused)} programmed answers were not used: {'; '.join(unused)}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)


def _reply(behaviour: FakeBehaviour, factory: AnswerFactory, call: Call, request: Request, number: int) -> FakeReply:
    try:
        reply = factory(call, request)
    except TransportError as error:
        if not behaviour.delay:
            raise
        reply = CannedReply(0, [], failure=error)
    reply.headers = [*reply.headers, ("x-request-id", f"req_fake_{number}")]
    return FakeReply(reply, behaviour.delay, behaviour.between, request.timeout)


def _offline(call: Call, request: Request) -> CannedReply:  # noqa: ARG001 - has the signature of an `AnswerFactory`
    status, kind, pieces = answer(request)
    return CannedReply(status, [("content-type", kind)] if kind else [], pieces)


def _option(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        right = nearest(str(value), choices)
        hint = f". Did you mean {right!r}?" if right else ""
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}{hint}")
    return value
