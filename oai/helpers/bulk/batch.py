"""The Batch API as a transport: the methods of a client queue instead of sending.

    with client.batch(journal="answers.json") as batch:
        later = [batch.chat.completions.create(model="m", messages=[...]) for ... in ...]
    print(later[0].result())

Requests are written to files as they are queued: one for each endpoint and model, as the API requires, and another
when a limit is reached. Leaving the block uploads the files, creates the batches, waits, and settles each `Later` with
its result. The journal maps each file, by the digest of its content, to its batch: the same block in a new process
continues with that batch. Batch creation is not idempotent, so each attempt is sent once, and before another the list
of batches is searched for one that the previous attempt created although its response was lost.
"""

from __future__ import annotations

import inspect
import time
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from oai._errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    InternalServerError,
    OpenAIError,
    read_error,
    status_error,
)
from oai._flow.retry import may_retry, retry_delay
from oai._flow.steps import Steps, run, run_async, run_concurrently, sleep
from oai._http.messages import Headers
from oai._http.response import Response, SentRequest
from oai._json.encode import encode
from oai._request.arguments import Arguments
from oai._request.client_core import core_of
from oai._request.prepare import prepare
from oai.helpers.bulk.batch_files import (
    MOST_BYTES,
    MOST_INPUTS,
    BatchFile,
    BatchJournal,
    Entry,
    Later,
    Line,
    endpoints_of,
    is_for,
    read_lines,
)

if TYPE_CHECKING:
    import os
    from types import TracebackType
    from typing import Self

    from oai._table.operation import Operation
    from oai.helpers.polling import Cancel

CLOCK_SKEW = 3600
"""Seconds by which the server's clock may differ from ours when batches are searched by their time."""


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
    ) -> None:
        self.batches: list[Any] = []
        self._client = client
        self._queue = core_of(client).view(self._add, _refuse)
        self._create = {"metadata": metadata, "completion_window": completion_window}
        self._wait = {"deadline": deadline, "poll_interval_ms": poll_interval_ms, "cancel": cancel}
        self._limit = max_concurrency
        self._files: list[BatchFile] = []
        self._open: dict[tuple[str, str], BatchFile] = {}
        self._count = 0
        self._endpoints = _endpoints(client)
        self._left = False
        self._journal = BatchJournal(journal)

    if not TYPE_CHECKING:  # type checkers find the methods in `_typed/_batch.pyi`

        def __getattr__(self, name: str) -> Any:
            return getattr(self._queue, name)

    def __repr__(self) -> str:
        return f"<Batch of {self._count} requests>"

    def __enter__(self) -> Self:
        if core_of(self._client).is_async:
            raise TypeError("the batch of an async client needs `async with`")
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
        if call_arguments.stream or call_arguments.extra_headers or call_arguments.extra_query:
            raise OpenAIError(f"{operation.name}: a request in a batch takes no stream, extra_headers or extra_query")
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
                file.lines.close()
                del self._open[key]
                raise OpenAIError(
                    f"{operation.name}: a request of {len(line)} bytes and {inputs} inputs is larger than a batch "
                    f"may be ({MOST_BYTES} bytes and {MOST_INPUTS} inputs)"
                )
            self._files.append(file)
        file.add(line, inputs)
        url = self._client.base_url + operation.row.path
        later: Later[Any] = Later(custom_id, SentRequest("POST", url, [], operation.name))
        call_arguments = Arguments(*arguments)
        # Decoding looks at which parameters were passed, never at their values, which may be large.
        names = dict.fromkeys(call_arguments.body or ())
        file.waiting[custom_id] = later, operation, tuple(call_arguments._replace(body=names))
        self._count += 1
        return later

    def _run(self) -> Steps[None]:
        """Send the queued requests, wait, and settle their results."""
        self._left = True
        try:
            yield run_concurrently(self._client, [partial(self._complete, file) for file in self._files], self._limit)
        finally:
            self._close()

    def _close(self) -> None:
        self._left = True
        for file in self._files:
            file.lines.close()

    def _complete(self, file: BatchFile) -> Steps[None]:
        entry = self._journal.entries.setdefault(file.digest, Entry(int(time.time())))
        if entry.batch_id is None:
            yield from self._start(file, entry)
        options = {name: value for name, value in self._wait.items() if value is not None}
        batch = yield self._client.batches.poll(entry.batch_id, **options)
        self.batches.append(batch)
        for name in ("output_file_id", "error_file_id"):
            if getattr(batch, name, None):
                content = yield self._client.files.content(getattr(batch, name))
                self._settle(file, content.content)
        for later, _, _ in file.waiting.values():
            later.settle(error=_unanswered(batch, later.request))

    def _start(self, file: BatchFile, entry: Entry) -> Steps[None]:
        """Upload a file and create its batch, unless the journal has them."""
        existing = None
        if entry.input_file_id is None:
            self._journal.write()
            file.lines.seek(0)
            upload = yield self._client.files.create(file=(f"{file.digest[:16]}.jsonl", file.lines), purpose="batch")
            entry.input_file_id = upload.id
            self._journal.write()
        else:
            existing = yield from self._find(entry)
        batch = existing or (yield from self._create_once(file, entry))
        entry.batch_id = batch.id
        self._journal.write()

    def _create_once(self, file: BatchFile, entry: Entry) -> Steps[Any]:
        """Create a batch; after an attempt of unknown outcome, search for its batch before the next attempt."""
        once = self._client.with_options(max_retries=0)
        options = {name: value for name, value in self._create.items() if value is not None}
        for attempt in range(self._client.max_retries + 1):
            try:
                return (yield once.batches.create(input_file_id=entry.input_file_id, endpoint=file.endpoint, **options))
            except (APIConnectionError, APIStatusError) as error:
                again, after = may_retry(error) if isinstance(error, APIStatusError) else (True, None)
                if again or isinstance(error, InternalServerError):
                    existing = yield from self._find(entry)
                    if existing is not None:
                        return existing
                if not again or attempt == self._client.max_retries:
                    raise
            yield sleep(self._client, retry_delay(attempt, after))
        raise AssertionError  # the last attempt returns or raises

    def _find(self, entry: Entry) -> Steps[Any]:
        """Search the batches created since for the one of a file."""
        after: dict[str, str] = {}
        while True:
            page = yield self._client.batches.list(limit=100, **after)
            for batch in page.data or ():
                if batch.input_file_id == entry.input_file_id:
                    return batch
            last = page.data[-1] if page.data else None
            if last is None or not getattr(page, "has_more", False) or last.created_at < entry.began - CLOCK_SKEW:
                return None
            after = {"after": last.id}

    def _settle(self, file: BatchFile, content: bytes) -> None:
        for line in read_lines(content):
            if line.custom_id in file.waiting:
                later, operation, arguments = file.waiting[line.custom_id]
                try:
                    later.settle(self._result(line, later.request, operation, arguments))
                except OpenAIError as error:
                    later.settle(error=error)

    def _result(self, line: Line, request: SentRequest, operation: Operation, arguments: tuple[Any, ...]) -> Any:
        """Return the result that a line holds, or raise its error."""
        if line.response is None:
            message, body = read_error(encode({"error": line.error})) if line.error else ("", None)
            raise APIError(message or "the batch has neither a response nor a reason", request, body=body)
        headers = [("content-type", "application/json")]
        if line.response.request_id:
            headers.append(("x-request-id", line.response.request_id))
        response = Response(line.response.status_code, Headers(headers), request, bytes(line.response.body))
        if not 200 <= response.status_code < 300:
            raise status_error(response)
        return core_of(self._client).decoded(operation, response, arguments)


def batch(client: Any, **options: Any) -> Batch:
    """Return a queue with the methods of the client, to be used in a `with` (or `async with`) block.

    Its methods return a `Later`. Leaving the block sends the queued requests as batches, one for each endpoint and
    model, waits until they have ended, and sets results and errors; leaving it with an exception sends nothing.

    With `journal`, a file, the same block continues with its batches in a new process, after a crash for example. The
    file is kept; delete it to start over. `deadline` (seconds) limits the wait, which `cancel` ends too, see
    `batches.poll`; with a journal the same block can be repeated later. The error of a request is in its `Later`.

    Raises:
        PollTimeoutError: a batch had not ended at the deadline.
        OpenAIError: an operation cannot be in a batch, or a request is larger than one.
    """
    return Batch(client, **options)


def _refuse(helper: Any, options: dict[str, Any]) -> Any:  # noqa: ARG001 - called as a client calls its helpers
    raise OpenAIError("a batch takes single operations, not a helper that makes several requests")


def _endpoints(client: Any) -> tuple[str, ...]:
    """Return the endpoints that a batch may have, as the table declares them."""
    method = attrgetter("batches.create")(client)
    return endpoints_of(str(inspect.signature(method).parameters["endpoint"].annotation))


def _count_inputs(fields: dict[str, msgspec.Raw]) -> int:
    """Count the inputs of an embeddings request; a list of integers is one input, in tokens."""
    inputs = msgspec.json.decode(fields.get("input", msgspec.Raw(b"null")))
    several = isinstance(inputs, list) and inputs and not isinstance(inputs[0], int)
    return len(inputs) if several else 1


def _unanswered(batch: Any, request: SentRequest) -> APIError:
    """Return the error of a request that the batch did not answer, with the batch's reasons."""
    errors = getattr(getattr(batch, "errors", None), "data", None) or []
    reasons = "; ".join(str(error.message) for error in errors[:3] if getattr(error, "message", None))
    message = f"the batch {batch.id} ended as {batch.status!r} without a response" + (f": {reasons}" if reasons else "")
    body = errors[0].to_dict() if errors and hasattr(errors[0], "to_dict") else None
    return APIError(message, request, body=body)
