"""What a fake is told to answer: the steps of one operation, and the words in which a test writes them.

Steps come in their order, one call each, or as many as `times` says; the last goes on for all further calls, unless
it has a `times` of its own. All is checked when it is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from oai._fake.answers import AnswerFactory, Failure, function_answer, make_failure, stream_answer, value_answer
from oai._fake.pages import PER_PAGE, list_answer

if TYPE_CHECKING:
    from oai._fake.calls import Call
    from oai._http.messages import TransportError
    from oai._table.operation import Operation


class Step:
    """An answer, and for how many calls it is; `None` for one call, or as the last for all."""

    def __init__(self, answer: AnswerFactory, label: str, times: int | None) -> None:
        if times is not None and times < 1:
            raise ValueError(f"times is {times}; an answer is for at least one call")
        self.answer = answer
        self.label = label
        self.times = times
        self.used = 0


class AnswerMethods:
    """The methods with which a test programs the answers of an operation."""

    _operation: Operation

    def _put(self, steps: list[Step]) -> Program:
        raise NotImplementedError

    def returns(self, *values: Any, times: int | None = None, **fields: Any) -> Program:
        """Answer values, one call each, the last to all further calls.

        A value is a struct, plain data as the server would send it, or what is natural for the operation: a text for
        what a model says (streamed word by word to who asks for a stream), bytes or a text for content, a list
        for pages (see `lists`), `None` for no answer. Fields given as keywords are completed, however deep, by made-up
        data: `returns(usage={"prompt_tokens": 3})`; they may stand beside a text.

        Args:
            values: what to answer.
            times: for how many calls the last value is.
            fields: fields of the answer.

        Raises:
            ValueError: the operation's answer could not be one of these; says where, and what is wrong.
        """
        given = values or (None,)
        steps = [Step(self._value(each, fields), f"returns({_short(each, fields)})", None) for each in given]
        steps[-1] = Step(steps[-1].answer, steps[-1].label, times)
        return self._put(steps)

    def _value(self, value: Any, fields: dict[str, Any]) -> AnswerFactory:
        if isinstance(value, (list, tuple)) and self._operation.page and not fields:
            return list_answer(self._operation, value)
        return value_answer(self._operation, value, fields)

    def lists(self, items: Iterable[Any], *, per_page: int = PER_PAGE, times: int | None = None) -> Program:
        """Answer the items of a list page by page, as many as `limit` asks for, after the one that `after` names.

        Args:
            items: structs or plain data, in the order in which the server lists them.
            per_page: items of a page where the request has no `limit`.
            times: for how many calls, each of which is for one page.

        Raises:
            ValueError: the operation does not answer pages, or not of such items.
        """
        return self._add(list_answer(self._operation, items, per_page), "lists(...)", times)

    def streams(self, items: Iterable[Any], *, fails: str | None = None, times: int | None = None) -> Program:
        """Answer a stream, with the end marker that the operation's streams have.

        Args:
            items: texts, each of which comes in an event of its own, between those that the API sends around them;
                or the very events, structs or plain data.
            fails: what ends the stream after the last of them instead of its end: `"reset"`, `"truncated"`
                or `"timeout"`.
            times: for how many calls.

        Raises:
            ValueError: the operation has no stream, or not of such events.
        """
        return self._add(stream_answer(self._operation, items, fails), "streams(...)", times)

    def answers(self, function: Callable[[Call], Any], *, times: int | None = None) -> Program:
        """Answer what a function returns for the call.

        It is taken as `returns` takes it, and for a call that asks for a stream as `streams` does; or it is a
        `FakeTransport.failure(...)`. What cannot be is a `ValueError` at the call. The function may be called by
        several threads at once.

        Raises:
            TypeError: it is no plain function.
        """
        answer = function_answer(self._operation, function, lambda value: self._value(value, {}))
        return self._add(answer, f"answers({getattr(function, '__name__', 'function')})", times)

    def fails(
        self,
        what: int | str | TransportError,
        *,
        times: int | None = None,
        retry_after: float | None = None,
        message: str | None = None,
        code: str | None = None,
        param: str | None = None,
        type: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Program:
        """Fail on purpose.

        Args:
            what: a status from 400 to 599; or `"timeout"`, `"reset"`, `"connect"` (no answer at all), `"truncated"`
                (the first half of one); or a `TransportError`.
            times: for how many calls.
            retry_after: seconds, sent as `retry-after` (`retry-after-ms` where it is a fraction).
            message: the text of the error.
            code: its `code`.
            param: its `param`.
            type: its `type`, the usual one for the status unless given.
            headers: further headers of the answer.

        Raises:
            ValueError: there is no such failure.
        """
        made = failure(
            what,
            retry_after=retry_after,
            message=message,
            code=code,
            param=param,
            type=type,
            headers=headers,
        )
        return self._add(made, f"fails({what!r})", times)

    def _add(self, answer: AnswerFactory, label: str, times: int | None) -> Program:
        return self._put([Step(answer, label, times)])


class Program(AnswerMethods):
    """The steps of an operation. Each method adds some and returns the program, so that they can be chained."""

    def __init__(self, operation: Operation, steps: Iterable[Step] = ()) -> None:
        self._operation = operation
        self._steps = list(steps)

    def _put(self, steps: list[Step]) -> Program:
        self._steps += steps
        return self

    def take(self) -> Step | None:
        """Return the step for the next call, nothing if there is none left."""
        for step in self._steps:
            if self._left(step) > 0:
                step.used += 1
                return step
        return None

    def _left(self, step: Step) -> float:
        """Return how many calls a step is still for."""
        endless = step.times is None and step is self._steps[-1]
        return float("inf") if endless else (step.times or 1) - step.used

    def unused(self) -> list[str]:
        """Return what nobody has asked for."""
        return [
            f"{self._operation.name}: {step.label}, " + (f"{step.used} of {step.times} times" if step.used else "never")
            for step in self._steps
            if not step.used or (step.times is not None and step.used < step.times)
        ]

    def __iter__(self) -> Iterator[Step]:
        return iter(self._steps)

    def __repr__(self) -> str:
        return f"<program of {self._operation.name}: {', '.join(step.label for step in self._steps) or 'empty'}>"

    @property
    def then(self) -> Program:
        """This program, to go on: `returns("a").then.fails(429)`, or `returns("a").then("b")`."""
        return self

    def __call__(self, *values: Any, times: int | None = None, **fields: Any) -> Program:
        """Go on with `returns`."""
        return self.returns(*values, times=times, **fields)


def failure(
    what: int | str | TransportError,
    *,
    retry_after: float | None = None,
    message: str | None = None,
    code: str | None = None,
    param: str | None = None,
    type: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Failure:
    """Make a failure for a function to return, from what `fails` takes."""
    pairs = list((headers or {}).items())
    if retry_after is not None:
        whole = retry_after == int(retry_after)
        pairs.append(("retry-after", f"{retry_after:.0f}") if whole else ("retry-after-ms", f"{retry_after * 1000:g}"))
    return make_failure(what, {"message": message, "type": type, "param": param, "code": code}, pairs)


def _short(value: Any, fields: Mapping[str, Any]) -> str:
    text = ", ".join([*([] if value is None else [repr(value)]), *(f"{name}=..." for name in fields)])
    return text if len(text) <= 40 else f"{text[:40]}..."
