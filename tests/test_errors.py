"""Errors: their classes, their messages, and that they show no secret."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest

import oai
from oai.testing import Answer, Loopback

Make = Callable[..., oai.OpenAI]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, oai.BadRequestError),
        (401, oai.AuthenticationError),
        (403, oai.PermissionDeniedError),
        (404, oai.NotFoundError),
        (409, oai.ConflictError),
        (422, oai.UnprocessableEntityError),
        (429, oai.RateLimitError),
        (500, oai.InternalServerError),
        (503, oai.InternalServerError),
        (418, oai.APIStatusError),
        (304, oai.APIStatusError),
    ],
)
def test_status_raises_its_exception(
    status: int, kind: type[oai.APIStatusError], server: Loopback, client: oai.OpenAI
) -> None:
    error = {"message": "No such thing", "type": "test_error", "param": "model", "code": "not_there"}
    server.reply(Answer.of_json({"error": error}, status, headers=[("x-request-id", "req-9")]))
    with pytest.raises(oai.APIStatusError) as caught:
        client.models.retrieve("m")
    error = caught.value  # type: ignore[assignment]
    assert type(error) is kind
    assert isinstance(error, oai.APIError)
    if status != 304:  # which has no body
        assert str(error) == f"Error code: {status} - No such thing"
        assert (error.code, error.param, error.type) == ("not_there", "model", "test_error")
        assert error.body == {"message": "No such thing", "type": "test_error", "param": "model", "code": "not_there"}
    assert error.status_code == error.response.status_code == status
    assert error.request_id == error.response.headers["X-Request-Id"] == "req-9"
    assert error.operation == "models.retrieve"
    assert error.request.method == "GET"
    assert error.request.url == f"{server.url}/v1/models/m"


BODIES = [
    ('{"error": {"message": "boom", "code": 42}}', "boom", "42"),
    ('{"error": "just text"}', "just text", None),
    ('{"detail": "not found"}', "not found", None),
    ('{"detail": [{"loc": ["body"], "msg": "missing"}]}', '[{"loc":["body"],"msg":"missing"}]', None),
    ('{"message": "flat", "code": "c1"}', "flat", "c1"),
    ('[{"error": {"message": "in a list"}}]', "in a list", None),
    ('{"error": {"code": "only_code"}}', "only_code", "only_code"),
    ('{"error": null, "x": 1}', '{"error": null, "x": 1}', None),
    ("<html><body>Bad   gateway</body></html>", "<html><body>Bad gateway</body></html>", None),
    ("plain words", "plain words", None),
    ('"a string"', '"a string"', None),
    ("", "Internal Server Error", None),
    ('{"error": {"message": "cut', '{"error": {"message": "cut', None),
    (b"\xff\xfe", "\ufffd\ufffd", None),
    ("[" * 100_000, "[" * 300 + "...", None),
]


@pytest.mark.parametrize(("body", "message", "code"), BODIES)
def test_error_bodies_of_compatible_servers_make_readable_messages(
    body: str | bytes, message: str, code: str | None, server: Loopback, client: oai.OpenAI
) -> None:
    server.reply(Answer(500, body=body))
    with pytest.raises(oai.InternalServerError) as caught:
        client.models.list()
    assert str(caught.value) == f"Error code: 500 - {message}"
    assert caught.value.code == code


def test_long_error_body_is_shortened(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.html("x" * 5000, 502))
    with pytest.raises(oai.InternalServerError) as caught:
        client.models.list()
    assert len(str(caught.value)) < 350
    assert str(caught.value).endswith("...")
    assert caught.value.body == "x" * 5000


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            Answer.html("<html>Sign in</html>"),
            r"models\.list: the server responded with status 200 and text/html.*<html>Sign in</html>",
        ),
        (Answer(body='{"data": [', content_type="application/json"), r'is not JSON .*: \{"data": \['),
        (Answer(body=b""), "status 200 and an empty body"),
        (Answer.events([{"a": 1}]), "an event stream that was not requested: data: "),
    ],
)
def test_undecodable_success_raises_and_shows_its_body(
    answer: Answer, message: str, server: Loopback, client: oai.OpenAI
) -> None:
    server.reply(answer)
    with pytest.raises(oai.APIResponseValidationError, match=message) as caught:
        client.models.list()
    assert caught.value.status_code == 200


def test_refused_connection_raises(client_to: Make) -> None:
    with Loopback() as gone:
        url = gone.url
    where = url.removeprefix("http://")
    with pytest.raises(oai.APIConnectionError, match=rf"Connection error: .*refused \({where}\)$") as caught:
        client_to(base_url=url).models.list()
    assert not isinstance(caught.value, oai.APITimeoutError)
    assert isinstance(caught.value.__cause__, oai.TransportError)


def test_unknown_host_raises(client_to: Make) -> None:
    with pytest.raises(
        oai.APIConnectionError, match="Connection error: no address was found for 'no-such-host.invalid'"
    ):
        client_to(base_url="https://no-such-host.invalid").models.list()


def test_slow_response_raises_a_timeout(server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.of_json({}, delay=5))
    with pytest.raises(oai.APITimeoutError, match="Request timed out: ") as caught:
        client.models.list(timeout=0.1)
    assert isinstance(caught.value, oai.APIConnectionError)


@pytest.mark.parametrize("place", ["before", "head"])
def test_reset_connection_raises(place: Any, server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.of_json({}, reset=place))
    with pytest.raises(oai.APIConnectionError, match="Connection error: "):
        client.models.list()


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_truncated_body_raises(framing: Any, server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.of_json({"object": "list", "data": []}, truncate=5, framing=framing))
    with pytest.raises(oai.APIConnectionError, match="the answer was cut short"):
        client.models.list()


@pytest.mark.parametrize(
    "answer", [Answer.error(429, "slow down", "rate"), Answer.html("x"), Answer.of_json({}, reset="before")]
)
def test_errors_pickle(answer: Answer, server: Loopback, client: oai.OpenAI) -> None:
    server.reply(answer)
    with pytest.raises(oai.APIError) as caught:
        client.models.list()
    error = caught.value
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert (copy.code, copy.body, copy.operation) == (error.code, error.body, error.operation)
    if isinstance(error, oai.APIStatusError):
        assert copy.status_code == error.status_code
        assert copy.response.headers == error.response.headers


def everything(error: BaseException) -> str:
    """Return everything printable of an exception and of its causes."""
    texts = []
    current: BaseException | None = error
    while current is not None:
        texts += [str(current), repr(current), repr(current.args), repr(vars(current))]
        texts += [repr(getattr(current, name, "")) for name in ("request", "response", "body")]
        texts += [repr(getattr(getattr(current, "request", None), "headers", ""))]
        current = current.__cause__ or current.__context__
    return "\n".join(texts)


@pytest.mark.parametrize(
    "answer",
    [
        lambda key: Answer.error(401, f"Incorrect key: {key}."),
        lambda key: Answer(502, body=f"<html>{key}</html>", content_type="text/html"),
        lambda key: Answer(body=f'{{"object": {key}', content_type="application/json"),
        lambda key: Answer.events([{"error": {"message": f"no {key}"}}]),
        lambda key: Answer(body=f"data: {{{key}\n\n", content_type="text/event-stream"),
    ],
)
def test_errors_and_logs_hide_the_key_in_any_form(
    server: Loopback, client_to: Make, caplog: pytest.LogCaptureFixture, answer: Callable[[str], Answer]
) -> None:
    key = "0123456789abcdef" * 2  # such as Azure's, which looks like any other number
    client = client_to(api_key=key, max_retries=0, default_headers={"X-Another": key, "X-Authorization": f"a{key}"})
    server.reply(answer(key))
    with caplog.at_level("DEBUG", "oai"), pytest.raises(oai.APIError, match=r"\[redacted\]") as caught:
        list(client.responses.create(model="m", input="x", stream=True))
    assert key not in "".join(traceback.format_exception(caught.value))
    assert key not in repr(caught.value)
    assert key not in repr(caught.value.request)
    assert "sending POST" in caplog.text
    assert key not in caplog.text


def test_errors_show_no_secret(server: Loopback, client_to: Make) -> None:
    key = "sk-" + "planted" * 4
    client = client_to(
        api_key=key, default_headers={"X-Api-Key": "planted-header"}, default_query={"api_key": "planted-q"}
    )
    server.reply(Answer.error(401, f"Incorrect API key provided: {key}."))
    with pytest.raises(oai.AuthenticationError) as caught:
        client.models.list()
    shown = everything(caught.value)
    assert "Incorrect API key provided: [redacted]" in shown
    assert "planted-header" not in shown
    assert "planted-q" not in shown
    assert key not in str(caught.value)
    assert key not in repr(caught.value.request)
    with Loopback() as gone:
        client = client_to(api_key=key, base_url=gone.url, default_query={"api_key": "planted-q"})
    with pytest.raises(oai.APIConnectionError) as lost:
        client.models.list()
    assert "planted" not in everything(lost.value)


def test_all_errors_derive_from_openai_error() -> None:
    kinds = [getattr(oai, name) for name in oai.__all__ if name.endswith("Error") and name != "TransportError"]
    assert len(kinds) > 12
    assert all(issubclass(kind, oai.OpenAIError) for kind in kinds)
