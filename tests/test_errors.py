"""Errors: their classes, their messages, and that they show no secret."""

from __future__ import annotations

import contextlib
import copy
import importlib
import json
import pickle
import traceback
import unittest.mock
from collections.abc import Callable
from typing import Any, ClassVar

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
    with pytest.raises(oai.APIConnectionError, match="was cut short"):
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


HIDDEN = "0123456789abcdef" * 2
"""A key of no known form, such as Azure's."""


def cut_at_every_place(key: str) -> list[bytes]:
    """Return bodies in which the start of a message ends within the key."""
    offsets = (*range(260, 302), 290, 2390, 2399)
    return [(f"{'x ' * (offset // 2)}{key} and more " + "y" * 300).encode() for offset in offsets]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda text: Answer(502, body=text, content_type="text/html"), id="html"),
        pytest.param(lambda text: Answer.error(401, text.decode()), id="message"),
        pytest.param(lambda text: Answer.of_json({"detail": text.decode()}, 422), id="detail"),
        pytest.param(lambda text: Answer(body=text, content_type="application/json"), id="no JSON"),
        pytest.param(lambda text: Answer.events([{"error": {"message": text.decode()}}]), id="event"),
        pytest.param(
            lambda text: Answer(body=b"data: " + text + b"\n\n", content_type="text/event-stream"), id="no JSON event"
        ),
        pytest.param(lambda text: Answer(body=b"data: " + text + b"\n\n", content_type="text/plain"), id="no events"),
    ],
)
@pytest.mark.parametrize("key", [HIDDEN, "sk-" + "planted9" * 4])
def test_no_part_of_a_key_is_shown_where_a_message_is_cut(
    key: str, answer: Callable[[bytes], Answer], server: Loopback, client_to: Make
) -> None:
    client = client_to(api_key=key, max_retries=0)
    for body in cut_at_every_place(key):
        server.reply(answer(body))
        with pytest.raises(oai.APIError) as caught:
            list(client.responses.create(model="m", input="x", stream=True))
        shown = everything(caught.value)
        assert not [length for length in range(6, len(key)) if key[:length] in shown], shown


def test_pickle_of_an_error_holds_no_key(server: Loopback, client_to: Make) -> None:
    client = client_to(api_key=HIDDEN, max_retries=0, default_headers={"X-Another": f"a-{HIDDEN}"})
    body = {"error": {"message": f"no {HIDDEN}", "code": HIDDEN, "inner": [{HIDDEN: f"<{HIDDEN}>"}]}}
    for answer in (Answer.of_json(body, 401, headers=[("x-echo", HIDDEN)]), Answer(401, body=f"<p>{HIDDEN}</p>")):
        server.reply(answer)
        with pytest.raises(oai.AuthenticationError) as caught:
            client.models.list()
        error = caught.value
        assert HIDDEN not in everything(error)
        for _ in range(2):  # of the copy, too
            data = pickle.dumps(error)
            assert HIDDEN.encode() not in data
            error = pickle.loads(data)
        assert b"[redacted]" in error.response.content
        assert HIDDEN not in repr(copy.deepcopy(caught.value).response.headers.multi_items())
        assert HIDDEN.encode() in caught.value.response.content  # as it came


@pytest.mark.parametrize("value", ["text", "", 5, True, 1.5, {"a": 1}, ["a"], None])
def test_fields_of_an_error_are_those_of_its_body(value: Any, server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.of_json({"error": {"param": value, "type": value, "code": value}}, 400))
    with pytest.raises(oai.BadRequestError) as caught:
        client.models.list()
    error = caught.value
    assert (error.param, error.type) == (value, value)
    assert error.code == (None if value is None else str(value))


@pytest.mark.parametrize("body", [[1], ["x"], [], 5, "s", [{"a": 1}, {"b": 2}]], ids=str)
def test_body_that_is_no_object_is_kept(body: Any, server: Loopback, client: oai.OpenAI) -> None:
    server.default = Answer.of_json(body, 400)
    with pytest.raises(oai.BadRequestError) as caught:
        client.models.list()
    assert caught.value.body == body


@pytest.mark.parametrize("value", ["s", None, [], [1], 5, "", {}, {"message": "m"}])
def test_body_of_an_error_is_its_error_member(value: Any, server: Loopback, client: oai.OpenAI) -> None:
    server.reply(Answer.of_json({"error": value, "code": "c"}, 400))
    with pytest.raises(oai.BadRequestError) as caught:
        client.models.list()
    assert caught.value.body == value


CHARSETS = {
    "utf-8": "application/json",
    "utf-8-sig": "application/json",
    "utf-16": "application/json",
    "utf-16-le": "application/json",
    "utf-16-be": "application/json; charset=utf-16",
    "utf-32": "application/json",
    "utf-32-be": "application/json",
    "latin-1": 'application/json; charset="iso-8859-1"',
    "gbk": "application/json; charset=gbk",
    "shift_jis": "application/json;charset=Shift_JIS",
}


@pytest.mark.parametrize(("codec", "kind"), CHARSETS.items(), ids=CHARSETS)
def test_json_is_read_in_its_charset(codec: str, kind: str, play: Any, server: Loopback) -> None:
    text = {"gbk": "文", "shift_jis": "表"}.get(codec, "café")
    error = json.dumps({"error": {"message": text, "code": "c"}}, ensure_ascii=False)
    model = json.dumps({"id": text, "object": "model", "created": 1, "owned_by": "x"}, ensure_ascii=False)

    def calls(client: Any) -> Any:
        model = yield client.models.retrieve("m")
        raw = yield client.models.with_raw_response.retrieve("m")
        content = yield client.files.content("f")
        return model.id, raw.parse().id, raw.json()["id"], content.json()["id"]

    server.default = Answer(body=model.encode(codec), content_type=kind)
    assert play(calls) == (text,) * 4
    server.default = Answer(400, body=error.encode(codec), content_type=kind)
    with pytest.raises(oai.BadRequestError) as caught:
        play(lambda client: (yield client.models.list()))
    assert (str(caught.value), caught.value.code) == (f"Error code: 400 - {text}", "c")


def test_utf8_is_read_as_such_whatever_charset_is_declared(server: Loopback, client: oai.OpenAI) -> None:
    body = '{"id": "café", "object": "model", "created": 1, "owned_by": "x"}'.encode()
    server.reply(Answer(body=body, content_type="application/json; charset=iso-8859-1"))
    assert client.models.retrieve("m").id == "café"


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": 1} {"b": 2}', b"[" * 100_000, b"\xff"])
def test_json_of_other_content_raises_python_s_own_error(body: bytes, server: Loopback, client: oai.OpenAI) -> None:
    server.default = Answer(body=body, content_type="application/octet-stream")
    content = client.files.content("f")
    raw = client.files.with_raw_response.content("f")
    for response in (content, content.response, raw):
        with pytest.raises(json.JSONDecodeError):
            response.json()


class FakeResponse:
    """As programs' tests have it."""

    status_code = 429
    headers: ClassVar[dict[str, str]] = {"x-request-id": "req-1"}


def foreign_responses() -> list[Any]:
    mock = unittest.mock.Mock(status_code=429, headers={"x-request-id": "req-1"})
    made: list[Any] = [FakeResponse(), mock]
    for name in ("httpx", "httpx2"):
        with contextlib.suppress(ImportError):
            httpx = importlib.import_module(name)
            headers = {"x-request-id": "req-1"}
            made.append(httpx.Response(429, headers=headers))
            made.append(httpx.Response(429, headers=headers, request=httpx.Request("GET", "https://x/y")))
    return made


@pytest.mark.parametrize("response", foreign_responses())
def test_errors_are_made_from_responses_of_other_libraries(response: Any) -> None:
    for kind in (oai.RateLimitError, oai.APIStatusError, oai.ResponseTooLargeError):
        error = kind("slow", response=response, body={"code": 5, "message": "m"})
        assert (str(error), error.status_code, error.request_id, error.code) == ("slow", 429, "req-1", "5")
        assert error.response is response
        assert error.request is not None
        repr(error)
    for invalid in (
        oai.APIResponseValidationError(response, {"a": 1}),
        oai.APIResponseValidationError(response, {"a": 1}, message="m"),
        oai.APIResponseValidationError(response=response, body={"a": 1}),
        oai.APIResponseValidationError("m", response=response, body={"a": 1}),
    ):
        assert (invalid.status_code, invalid.body) == (429, {"a": 1})
        assert str(invalid) in ("m", "The response does not match the expected type.")


def test_request_of_an_error_is_never_none() -> None:
    for error in (
        oai.APIError("x"),
        oai.APIError("x", None, body=None),
        oai.APIConnectionError(),
        oai.APITimeoutError(),
    ):
        assert (error.request.method, str(error.request.url), error.operation) == ("", "", None)
        assert pickle.loads(pickle.dumps(error)).request == error.request
