"""The program of one operation of a fake: its steps, and the methods with which a test writes them.

Steps are used in order, for one call each or for `times` calls; the last serves all further calls unless it has a
`times` of its own. Answers are validated when they are programmed, so that the error points to the test's own line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from oai._fake.answers import AnswerFactory, Failure, function_answer, make_failure, stream_answer, value_answer
from oai._fake.calls import Call
from oai._fake.pages import PER_PAGE, list_answer
from oai._http.messages import TransportError
from oai._table.operation import Operation


class Step:
    """An answer and the number of calls it serves; `None` means one call, or all further calls for the last step."""

    def __init__(self, answer: AnswerFactory, label: str, times: int | None) -> None:
        if times is not None and times < 1:
            raise ValueError(f"times must be a positive integer, not {times}")
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
        """Return these values, one for each call, and the last for all further calls.

        A value is a struct, plain data as the server would send it, or a shorthand that fits the operation: a text for
        a model's output (streamed word by word if the caller streams), bytes or a text for content, a list for pages
        (see `lists`), `None` for an empty response. Keyword arguments set single fields, at any depth, and invented
        data completes them: `returns(usage={"prompt_tokens": 3})`; they can be combined with a text.

        Args:
            values: the results.
            times: the number of calls that the last value serves.
            fields: fields of the response.

        Raises:
            ValueError: a value does not fit the operation's response type; names the place and the problem.
        """
        steps = [
            Step(self._value(each, fields), f"returns({_short(each, fields)})", None) for each in values or (None,)
        ]
        steps[-1] = Step(steps[-1].answer, steps[-1].label, times)
        return self._put(steps)

    def _value(self, value: Any, fields: dict[str, Any]) -> AnswerFactory:
        if isinstance(value, (list, tuple)) and self._operation.page and not fields:
            return list_answer(self._operation, value)
        return value_answer(self._operation, value, fields)

    def lists(self, items: Iterable[Any], *, per_page: int = PER_PAGE, times: int | None = None) -> Program:
        """Return the items of a list page by page, honouring the request's `limit`, `after` and `before`.

        Args:
            items: structs or plain data, in the order in which the server lists them.
            per_page: items of a page if the request has no `limit`.
            times: the number of calls; each fetches one page.

        Raises:
            ValueError: the operation does not return pages, or an item does not fit.
        """
        return self._add(list_answer(self._operation, items, per_page), "lists(...)", times)

    def streams(self, items: Iterable[Any], *, fails: str | None = None, times: int | None = None) -> Program:
        """Return a stream, ended by the operation's end marker.

        Args:
            items: texts, each sent in an event of its own, with the events that the API sends around them; or complete
                events as structs or plain data, sent as they are.
            fails: end the stream after the last item with this failure instead of its end marker: `"reset"`,
                `"truncated"` or `"timeout"`.
            times: the number of calls.

        Raises:
            ValueError: the operation has no stream, or an event does not fit.
        """
        return self._add(stream_answer(self._operation, items, fails), "streams(...)", times)

    def answers(self, function: Callable[[Call], Any], *, times: int | None = None) -> Program:
        """Return what a function returns for the call.

        Its result is treated like an argument of `returns` (of `streams`, if the call streams), or is a
        `FakeTransport.failure(...)`. A result that does not fit raises `ValueError` from the call. Several threads may
        call the function at once.

        Raises:
            TypeError: it is not callable, or is a coroutine function.
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
        """Fail the calls.

        Args:
            what: a status from 400 to 599; or `"timeout"`, `"reset"`, `"connect"` (no response at all), `"truncated"`
                (the first half of one); or a `TransportError`.
            times: the number of calls.
            retry_after: seconds, sent as `retry-after` (as `retry-after-ms` if they have a fraction).
            message: the error's `message`.
            code: its `code`.
            param: its `param`.
            type: its `type`; the API's usual one for the status by default.
            headers: additional response headers.

        Raises:
            ValueError: there is no such failure.
        """
        answer = failure(
            what,
            retry_after=retry_after,
            message=message,
            code=code,
            param=param,
            type=type,
            headers=headers,
        )
        return self._add(answer, f"fails({what!r})", times)

    def _add(self, answer: AnswerFactory, label: str, times: int | None) -> Program:
        return self._put([Step(answer, label, times)])


class Program(AnswerMethods):
    """The steps of an operation. Each method adds steps and returns the program, so that calls can be chained."""

    def __init__(self, operation: Operation, steps: Iterable[Step] = ()) -> None:
        self._operation = operation
        self._steps = list(steps)

    def _put(self, steps: list[Step]) -> Program:
        self._steps += steps
        return self

    def take(self) -> Step | None:
        """Return the step for the next call, or `None` if there is none left."""
        for step in self._steps:
            if self._left(step) > 0:
                step.used += 1
                return step
        return None

    def _left(self, step: Step) -> float:
        """Return how many more calls a step serves."""
        endless = step.times is None and step is self._steps[-1]
        return float("inf") if endless else (step.times or 1) - step.used

    def unused(self) -> list[str]:
        """Describe the steps that have not been used, or not as often as `times` says."""
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
        """This program, for chaining: `returns("a").then.fails(429)`, or `returns("a").then("b")`."""
        return self

    def __call__(self, *values: Any, times: int | None = None, **fields: Any) -> Program:
        """Add `returns` to the program."""
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
    """Make a failure for a function to return; the arguments are those of `fails`."""
    pairs = list((headers or {}).items())
    if retry_after is not None:
        whole = retry_after == int(retry_after)
        pairs.append(("retry-after", f"{retry_after:.0f}") if whole else ("retry-after-ms", f"{retry_after * 1000:g}"))
    return make_failure(what, {"message": message, "type": type, "param": param, "code": code}, pairs)


def _short(value: Any, fields: Mapping[str, Any]) -> str:
    text = ", ".join([*([] if value is None else [repr(value)]), *(f"{name}=..." for name in fields)])
    return text if len(text) <= 40 else f"{text[:40]}..."
