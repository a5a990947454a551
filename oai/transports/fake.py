"""A transport that answers what a test tells it to, and keeps what it was asked.

    fake = oai.FakeTransport()
    fake.chat.completions.create.returns("Hello!")
    client = oai.OpenAI(transport=fake)

Its attributes are the call paths of the table, so that whatever has a row can be programmed. One class serves sync
and async clients, and any number of threads. What can be answered is `_fake.program`'s business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from oai._fake.answers import AnswerFactory, CannedReply
from oai._fake.calls import Call, Calls, UnexpectedCall, Upload
from oai._fake.paths import FakeBehaviour, FakeOperation, FakeState
from oai._fake.program import Program, failure
from oai._fake.reply import FakeReply
from oai._http.messages import Request, TransportError
from oai._incoming.reading import path_values
from oai._offline.answers import answer
from oai._recording.replies import AWAITABLE_NONE
from oai._support.suggest import nearest
from oai._table.load import merged_table, table_sources

if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Self

    from oai._table.table import Table

__all__ = ["Call", "Calls", "FakeOperation", "FakeTransport", "Program", "UnexpectedCall", "Upload"]


class FakeTransport:
    """A programmable fake: `fake.chat.completions.create.returns("Hello!")`.

    It needs no key and no network. As a context manager it checks at the end, unless an exception ends the block,
    that all programmed answers were asked for, if it is told to.

    Args:
        table: a TOML file of rows, or several, laid over the shipped table, as a client takes it (`OAI_TABLE`).
        otherwise: what happens to calls that no answer is programmed for: `"error"` raises `UnexpectedCall`,
            `"offline"` answers as `OfflineTransport` does.
        unused: `"error"` raises `UnusedAnswers` at the end of the block for programmed answers that nobody
            asked for; `"ignore"` does not.

    Raises:
        ValueError: an option cannot be what was given.
        TableError: a table has a row that cannot be.
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
            KeyError: there is no such operation; names the nearest.
        """
        table = self._state.table
        found = path if path in table else self._state.aliases().get(path)
        if found is None:
            right = nearest(path, table)
            raise KeyError(f"there is no operation {path!r}{f'; did you mean {right!r}?' if right else ''}")
        return FakeOperation(self._state, found)

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
        """All calls so far, in the order in which they came."""
        return self._state.all_calls()

    @property
    def unused(self) -> list[str]:
        """The programmed answers that nobody has asked for yet."""
        with self._state.lock:
            programs = [behaviour.program for behaviour in self._state.behaviours.values()]
            return [line for program in programs if program is not None for line in program.unused()]

    def reset(self) -> None:
        """Forget all programs, delays and calls."""
        with self._state.lock:
            self._state.behaviours.clear()
            self._state.calls.clear()

    def send(self, request: Request) -> Any:
        """Answer as programmed; the reply can be awaited or not.

        Raises:
            UnexpectedCall: nothing is programmed for the call.
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
        """Return a request as the operation that is programmed, of those that it could be for, else as the likeliest.

        The same request may be two operations, such as `chat.completions.create` and its beta twin.
        """
        likeliest: Request | None = None
        for each in self._state.incoming.requests(request):
            if each.operation and self._state.programmed(each.operation.name):
                return each
            likeliest = likeliest or each
        return likeliest or request

    def _not_programmed(self, call: Call, program: Program | None) -> str:
        name = call.operation
        asked = f"{name} was asked for ({call.method} {call.path})"
        if name not in self._state.table:
            return f"{asked}, and no row of the fake's table declares it; FakeTransport(table=...) takes your own"
        if program is not None:
            count = sum(step.used for step in program)
            how = "go on with .then.returns(...), or leave `times` out of the last answer"
            return f"{asked}, and is programmed for {count} calls, which have been; {how}"
        others = [path for path in self._state.behaviours if self._state.programmed(path)]
        programmed = f" (programmed: {', '.join(others)})" if others else ""
        return (
            f"{asked}, and nothing is programmed for it{programmed}; fake.{name}.returns(...) says what it answers, "
            "FakeTransport(otherwise='offline') answers all others with made-up data"
        )

    def close(self) -> Any:
        """Refuse what is sent from now on. The result can be awaited."""
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

            raise UnusedAnswers(f"the fake has {len(unused)} answers that nobody asked for: {'; '.join(unused)}")

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


def _offline(call: Call, request: Request) -> CannedReply:  # noqa: ARG001 - an answer like those that are programmed
    status, kind, pieces = answer(request)
    return CannedReply(status, [("content-type", kind)] if kind else [], pieces)


def _option(name: str, given: str, choices: tuple[str, ...]) -> str:
    if given not in choices:
        right = nearest(str(given), choices)
        hint = f". Did you mean {right!r}?" if right else ""
        raise ValueError(f"{name} is {given!r}; it is one of {', '.join(choices)}{hint}")
    return given
