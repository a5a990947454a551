"""The Batch API as a transport: the methods of a client queue instead of sending.

    with client.batch(journal="answers.json") as batch:
        later = [batch.chat.completions.create(model="m", messages=[...]) for ... in ...]
    print(later[0].result())

Requests are written to files as they are queued: one for each endpoint and model, as the API requires, and another
when a limit is reached. Leaving the block uploads the files, creates the batches, waits, and settles each `Later` with
its result (`batch_run`). The journal maps each file, by the digest of its content, to its batch: the same block in a
new process continues with that batch. Batch creation is not idempotent, so each attempt is sent once, and before
another the list of batches is searched for one that the previous attempt created although its response was lost.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache, partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from oai._errors import OpenAIError
from oai._flow.steps import Steps, run, run_async, run_concurrently
from oai._http.messages import Headers
from oai._http.response import SentRequest
from oai._json.encode import encode
from oai._request.arguments import Arguments
from oai._request.client_core import core_of
from oai._request.prepare import prepare
from oai.helpers.bulk.batch_files import (
    MOST_BYTES,
    MOST_INPUTS,
    BatchFile,
    BatchJournal,
    Later,
    endpoints_of,
    is_for,
)
from oai.helpers.bulk.batch_run import BatchRun
from oai.helpers.bulk.progress import BatchProgress, ProgressOption, progress_of
from oai.helpers.polling import Cancel

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from oai._table.operation import Operation


class Batch:
    """A queue with the methods of a client, each of which returns a `Later`. See `client.batch`.

    Attributes:
        batches: the server's batches, once the block has been left.
    """

    def __init__(
        self,
        client: Any,
        *,
        journal: str | os.PathLike[str] | None = None,
        deadline: float | None = None,
        poll_interval_ms: float | None = None,
        cancel: Cancel | None = None,
        metadata: dict[str, str] | None = None,
        completion_window: str = "24h",
        max_concurrency: int = 4,
        progress: ProgressOption = None,
    ) -> None:
        self.batches: list[Any] = []
        self._client = client
        self._queue = _queue_of(client, self._add)
        self._create = {"metadata": metadata, "completion_window": completion_window}
        self._wait = {"deadline": deadline, "poll_interval_ms": poll_interval_ms, "cancel": cancel}
        self._limit = max_concurrency
        self._progress = progress
        self._files: list[BatchFile] = []
        self._open: dict[tuple[str, str], BatchFile] = {}
        self._count = 0
        self._endpoints = _endpoints(client)
        self._left = False
        self._journal_path = journal
        self._journal = BatchJournal(None)

    if not TYPE_CHECKING:  # type checkers find the methods in `_typed/_batch.pyi`

        def __getattr__(self, name: str) -> Any:
            return getattr(self._queue, name)

    def __repr__(self) -> str:
        return f"<Batch of {self._count} requests>"

    def __enter__(self) -> Self:
        if core_of(self._client).is_async:
            raise TypeError("the batch of an async client needs `async with`")
        self._journal = BatchJournal(self._journal_path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            run(self._run())
        else:
            self._close()

    async def __aenter__(self) -> Self:
        if not core_of(self._client).is_async:
            raise TypeError("the batch of a sync client needs `with`")
        self._journal = BatchJournal(self._journal_path)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await run_async(self._run())
        else:
            self._close()

    def _add(self, *arguments: Any) -> Later[Any]:
        """Queue a call; the generated methods call this instead of sending."""
        call_arguments = Arguments(*arguments)
        operation = call_arguments.operation
        if self._left:
            raise OpenAIError("the batch has been sent; queue requests within its `with` block")
        endpoint = f"/v1{operation.row.path}"
        if not is_for(operation.row, self._endpoints):
            raise OpenAIError(f"{operation.name} cannot be in a batch, which takes {', '.join(self._endpoints)}")
        if call_arguments.stream or call_arguments.extra_headers or call_arguments.extra_query or call_arguments.query:
            raise OpenAIError(f"{operation.name}: a request in a batch takes no stream, extra_headers or query")
        call = prepare(core_of(self._client).config, *arguments)
        if not isinstance(call.body, bytes) or not call.body.startswith(b"{"):
            raise OpenAIError(f"{operation.name}: a request in a batch must have a JSON body, and no files")
        return self._write(operation, endpoint, call.body, arguments)

    def _write(self, operation: Operation, endpoint: str, body: bytes, arguments: tuple[Any, ...]) -> Later[Any]:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        custom_id = f"request-{self._count}"
        line = encode({"custom_id": custom_id, "method": "POST", "url": endpoint, "body": msgspec.Raw(body)}) + b"\n"
        inputs = _count_inputs(fields) if operation.name == "embeddings.create" else 0
        key = (endpoint, bytes(fields.get("model", msgspec.Raw(b""))).decode())
        file = self._open.get(key)
        if file is None or not file.has_room(len(line), inputs):
            file = self._open[key] = BatchFile(endpoint)
            if not file.has_room(len(line), inputs):
                file.close()
                del self._open[key]
                raise OpenAIError(
                    f"{operation.name}: a request of {len(line)} bytes and {inputs} inputs is larger than a batch "
                    f"may be ({MOST_BYTES} bytes and {MOST_INPUTS} inputs)"
                )
            self._files.append(file)
        file.add(line, inputs)
        url = self._client.base_url + operation.row.path
        later: Later[Any] = Later(custom_id, SentRequest("POST", url, Headers(), operation.name))
        call_arguments = Arguments(*arguments)
        # Decoding looks at which parameters were passed, never at their values, which may be large.
        names = dict.fromkeys(call_arguments.body or ())
        file.waiting[custom_id] = later, operation, tuple(call_arguments._replace(body=names))
        self._count += 1
        return later

    def _run(self) -> Steps[None]:
        """Send the queued requests, wait, and settle their results."""
        self._left = True
        with ExitStack() as stack:
            stack.callback(self._close)
            report = BatchProgress(progress_of(self._progress, stack), self._count)
            batch_run = BatchRun(self._client, self._journal, self._create, {**self._wait, "progress": report.of()})
            self.batches = batch_run.batches
            yield run_concurrently(
                self._client, [partial(batch_run.complete, file) for file in self._files], self._limit
            )

    def _close(self) -> None:
        self._left = True
        self._journal.close()
        for file in self._files:
            file.close()


def batch(client: Any, **options: Any) -> Batch:
    """Return a queue with the methods of the client, to be used in a `with` (or `async with`) block.

    Its methods return a `Later`. Leaving the block sends the queued requests as batches, one for each endpoint and
    model, waits until they have ended, and sets results and errors; leaving it with an exception sends nothing.

    With `journal`, a file, the same block continues with its batches in a new process, after a crash for example, and
    sends again what a failed or expired batch has not answered. The file is kept; delete it to start over. `deadline`
    (seconds) limits the wait, which `cancel` ends too, see `batches.poll`; with a journal the same block can be
    repeated later. The error of a request is in its `Later`. `progress` is called with the number of finished requests
    and the total at each poll; `True` draws a bar, on a terminal or in a notebook.

    Raises:
        PollTimeoutError: a batch had not ended at the deadline.
        OpenAIError: an operation cannot be in a batch, or a request is larger than one.
        BlockingIOError: another process uses the journal.
    """
    return Batch(client, **options)


def _queue_of(client: Any, add: Callable[..., Any]) -> Any:
    """Return a view of a client whose methods queue, and which has no other way to send anything."""
    queue = core_of(client).view(add, _refuse_helper)
    core_of(queue).sends_directly = False
    cls: Any = type(queue)  # mypy takes no `type` for hashable
    queue.__class__ = _queue_class(cls)
    return queue


@cache
def _queue_class(cls: type) -> type:
    """Return the class of a view without what it inherits from the client, and would send at once, at full price."""
    copies = ("with_options", "copy", "__copy__", "__deepcopy__", "__reduce__", "__reduce_ex__")
    views = ("with_raw_response", "with_streaming_response")
    members: dict[str, Any] = {name: property(partial(_refuse_view, name)) for name in views}
    return type(cls.__name__, (cls,), {"__module__": cls.__module__, **members, **dict.fromkeys(copies, _refuse_copy)})


def _refuse_helper(helper: Callable[..., Any], options: dict[str, Any]) -> Any:  # noqa: ARG001 - the signature of `help`
    name = getattr(helper, "__name__", None) or getattr(helper, "func", helper).__name__  # of a `partial`
    raise OpenAIError(f"{name} cannot be in a batch: it is a helper, which may make several requests")


def _refuse_view(name: str, queue: Any) -> Any:  # noqa: ARG001 - as a property calls it
    raise OpenAIError(f"{name} cannot be in a batch, which has no HTTP response for a request; call the method itself")


def _refuse_copy(self: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ARG001 - any of the names above
    raise OpenAIError(
        "a batch cannot be copied or have options of its own: set them on the client before client.batch()"
    )


def _endpoints(client: Any) -> tuple[str, ...]:
    """Return the endpoints that a batch may have, as the table declares them."""
    method = attrgetter("batches.create")(client)
    return endpoints_of(str(inspect.signature(method).parameters["endpoint"].annotation))


def _count_inputs(fields: dict[str, msgspec.Raw]) -> int:
    """Count the inputs of an embeddings request; a list of integers is one input, in tokens."""
    inputs = msgspec.json.decode(fields.get("input", msgspec.Raw(b"null")))
    several = isinstance(inputs, list) and inputs and not isinstance(inputs[0], int)
    return len(inputs) if several else 1
