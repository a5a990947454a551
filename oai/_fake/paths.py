"""The call paths of a fake as attributes: `fake.chat.completions.create`, and the methods a test calls on it.

`FakeState` holds the state of a fake, behind one lock. The rest are views of it, created on access, so that creating a
fake costs nothing for the hundreds of operations that a test does not use.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Self, TypeVar

from oai._fake.calls import Call, Calls, UnexpectedCall
from oai._fake.program import AnswerMethods, Program, Step
from oai._incoming.operations import Incoming
from oai._support.suggest import nearest

if TYPE_CHECKING:
    from oai._table.table import Table

T = TypeVar("T")

OWN_TABLE = "; rows of a table of yours need FakeTransport(table=...)"
"""The hint for an operation that the fake does not know."""


class FakeBehaviour:
    """The programmed behaviour of one operation: its answers, and its delays in seconds."""

    def __init__(self) -> None:
        self.program: Program | None = None
        self.delay = 0.0
        self.between = 0.0


class FakeState:
    """The state of a fake: the programmed behaviour by operation, and the calls in order."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.incoming = Incoming(table)
        self.behaviours: dict[str, FakeBehaviour] = {}
        self.calls: list[Call] = []
        self.lock = threading.Lock()

    def behaviour_of(self, path: str) -> FakeBehaviour:
        """Return the behaviour of an operation, to change it; an operation without one gets the default."""
        with self.lock:
            return self.behaviours.setdefault(path, FakeBehaviour())

    def programmed(self, path: str) -> FakeBehaviour | None:
        """Return the behaviour of an operation if it has a program."""
        behaviour = self.behaviours.get(path)
        return behaviour if behaviour is not None and behaviour.program is not None else None

    def all_calls(self) -> Calls:
        """Return the calls so far."""
        with self.lock:
            return Calls(self.calls)

    def names(self, prefix: str) -> list[str]:
        """Return the names directly below a prefix of call paths (`"chat."`)."""
        return list({path[len(prefix) :].partition(".")[0]: None for path in self.table if path.startswith(prefix)})

    def aliases(self) -> dict[str, str]:
        """Return the call path by flat name, for names that mean exactly one operation."""
        return {alias: forms[0][0] for alias, forms in self.table.aliases.items() if len(forms) == 1}

    def below(self, path: str, owner: object, names: Iterable[str]) -> Any:
        """Return the operation or the group of a call path.

        Raises:
            AttributeError: there is none; suggests the nearest of the names that exist there.
        """
        if path in self.table:
            return FakeOperation(self, path)
        if any(name.startswith(f"{path}.") for name in self.table):
            return Group(self, path)
        if "." not in path and path in (aliases := self.aliases()):
            return FakeOperation(self, aliases[path])
        group, _, name = path.rpartition(".")
        right = nearest(name, names)
        hint = f"; did you mean {right!r}?" if right else OWN_TABLE
        where = f"{group!r} has" if group else "there is"
        raise AttributeError(f"{where} no operation or group {name!r}{hint}", name=name, obj=owner)


class Group:
    """A node in the tree of call paths; its attributes are the operations and groups below it."""

    def __init__(self, state: FakeState, path: str) -> None:
        self._state = state
        self._path = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._state.below(f"{self._path}.{name}", self, self._state.names(f"{self._path}."))

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self._state.names(f"{self._path}.")})

    def __repr__(self) -> str:
        return f"<fakes below {self._path}: {', '.join(self._state.names(f'{self._path}.'))}>"


class FakeOperation(Group, AnswerMethods):
    """One operation of a fake: its programmed answers and the calls it received.

    Each of `returns`, `lists`, `streams`, `answers` and `fails` replaces the program and returns the new one, to which
    further answers can be added: `fails(429, times=2).then.returns("Hello!")`.
    """

    def __init__(self, state: FakeState, path: str) -> None:
        super().__init__(state, path)
        self._operation = state.incoming.operation(path)

    def _put(self, steps: list[Step]) -> Program:
        program = Program(self._operation, steps)
        self._state.behaviour_of(self._path).program = program
        return program

    @property
    def then(self) -> Program:
        """The current program, to add further answers to it."""
        behaviour = self._state.behaviour_of(self._path)
        if behaviour.program is None:
            behaviour.program = Program(self._operation)
        return behaviour.program

    def delays(self, seconds: float, *, between: float = 0.0) -> Self:
        """Delay every answer of the operation.

        A request with a shorter timeout fails when that expires.

        Args:
            seconds: delay before the headers.
            between: seconds before each piece of the body of a stream.
        """
        if seconds < 0 or between < 0:
            raise ValueError(f"seconds and between must not be negative: delays({seconds}, between={between})")
        behaviour = self._state.behaviour_of(self._path)
        behaviour.delay, behaviour.between = seconds, between
        return self

    @property
    def calls(self) -> Calls:
        """The calls of the operation so far."""
        return self._state.all_calls().of(self._path)

    @property
    def last(self) -> Call:
        """The latest call.

        Raises:
            UnexpectedCall: there is none.
        """
        return self._checked(lambda calls: calls.last)

    def called_once(self, **fields: Any) -> Call:
        """Return the only call, or the only one with these parameters (in path, query or body).

        Raises:
            UnexpectedCall: there is none, or more than one.
        """
        return self._checked(lambda calls: calls.once(**fields))

    def called(self, times: int, **fields: Any) -> Calls:
        """Return the calls, or those with these parameters, after checking how many there are.

        Raises:
            UnexpectedCall: there are fewer or more than `times`.
        """
        return self._checked(lambda calls: calls.times(times, **fields))

    def not_called(self) -> None:
        """Check that there was no call.

        Raises:
            UnexpectedCall: there was one.
        """
        self.called(0)

    def _checked(self, look: Callable[[Calls], T]) -> T:
        try:
            return look(self.calls)
        except UnexpectedCall as error:
            raise UnexpectedCall(f"{self._path}: {error}") from None

    def __repr__(self) -> str:
        behaviour = self._state.programmed(self._path)
        program = behaviour.program if behaviour else "nothing programmed"
        return f"<fake of {self._path}, {len(self.calls)} calls: {program}>"
