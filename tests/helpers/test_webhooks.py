"""Webhooks: signed ones are accepted; changed, replayed and invented ones are refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import pickle
import subprocess
import sys
import time
import wsgiref.headers
from collections.abc import Callable, Iterator
from email.message import Message
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import KEY

import oai
from oai.types.webhooks import ResponseCompletedWebhookEvent

RAW = b"the secret of the tests, 24 bytes"
SECRET = "whsec_" + base64.b64encode(RAW).decode()
EVENT = {
    "id": "evt_1",
    "created_at": 1,
    "type": "response.completed",
    "object": "event",
    "data": {"id": "resp_1"},
}
PAYLOAD = json.dumps(EVENT)

CLIENTS = [oai.OpenAI(api_key=KEY, webhook_secret=SECRET), oai.AsyncOpenAI(api_key=KEY, webhook_secret=SECRET)]

clients = pytest.mark.parametrize("client", CLIENTS, ids=["sync", "async"])


def sign(payload: bytes, name: str, stamp: str, key: bytes = RAW) -> str:
    digest = hmac.new(key, name.encode() + b"." + stamp.encode() + b"." + payload, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def signed(payload: str | bytes = PAYLOAD, *, key: bytes = RAW, age: float = 0, name: str = "wh_1") -> dict[str, str]:
    stamp = str(int(time.time() - age))
    data = payload.encode() if isinstance(payload, str) else payload
    return {"webhook-id": name, "webhook-timestamp": stamp, "webhook-signature": sign(data, name, stamp, key)}


@clients
@pytest.mark.parametrize("kind", [str, str.encode])
def test_signed_webhook_is_unwrapped(client: Any, kind: Any) -> None:
    event = client.webhooks.unwrap(kind(PAYLOAD), signed())
    assert isinstance(event, ResponseCompletedWebhookEvent)
    assert event.data.id == "resp_1"
    assert event.to_dict() == EVENT
    assert client.webhooks.verify_signature(payload=kind(PAYLOAD), headers=signed()) is None


def test_independent_vector_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the reference implementation of Standard Webhooks: id, time, payload, secret and signature of its README."""
    monkeypatch.setattr(time, "time", lambda: 1614265330.0)
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    secret = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    CLIENTS[0].webhooks.verify_signature('{"test": 2432232314}', headers, secret=secret)


class Pairs:
    """Headers in the manner of werkzeug (Flask): iterating yields pairs, and `items` does too."""

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.fields.items())

    def items(self) -> Iterator[tuple[str, str]]:
        return iter(self)


class GetOnly:
    """Headers that can be looked up by name alone; `exact` ones know the case that they were sent in."""

    def __init__(self, fields: dict[str, str], *, exact: bool) -> None:
        self.fields, self.exact = fields, exact

    def get(self, name: str, default: Any = None) -> Any:
        return self.fields.get(name if self.exact else name.lower(), default)


def message(fields: dict[str, str]) -> Message:
    """Return the headers of `http.server`."""
    headers = Message()
    for name, value in fields.items():
        headers[name.title()] = value
    return headers


def environ(fields: dict[str, str]) -> dict[str, Any]:
    """Return the environment of a WSGI application, which Django has as `request.META`."""
    names = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in fields.items()}
    return {"REQUEST_METHOD": "POST", "wsgi.version": (1, 0), "wsgi.input": object(), **names}


HEADER_OBJECTS: dict[str, Callable[[dict[str, str]], Any]] = {
    "dict": dict,
    "titles": lambda fields: {name.title(): value for name, value in fields.items()},
    "pairs": lambda fields: list(fields.items()),
    "generator of pairs": lambda fields: iter(fields.items()),
    "ASGI": lambda fields: [(name.encode(), value.encode()) for name, value in fields.items()],
    "ours": lambda fields: oai.Headers(fields.items()),
    "http.server": message,
    "wsgiref": lambda fields: wsgiref.headers.Headers(list(fields.items())),
    "WSGI environ": environ,
    "werkzeug": Pairs,
    "only get": lambda fields: GetOnly(fields, exact=False),
    "only get, exact": lambda fields: GetOnly({name.title(): each for name, each in fields.items()}, exact=True),
    "multi-value lists": lambda fields: {name: [value] for name, value in fields.items()},
    "mapping proxy": MappingProxyType,
}


@clients
@pytest.mark.parametrize("kind", HEADER_OBJECTS)
def test_header_objects_of_frameworks_are_accepted(client: Any, kind: str) -> None:
    headers = HEADER_OBJECTS[kind]
    assert client.webhooks.unwrap(PAYLOAD, headers(signed())).id == "evt_1"
    with pytest.raises(oai.InvalidWebhookSignatureError, match="does not match its content"):
        client.webhooks.unwrap(f"{PAYLOAD} ", headers(signed()))
    with pytest.raises(oai.InvalidWebhookSignatureError, match="no header 'webhook-id'"):
        client.webhooks.unwrap(PAYLOAD, headers({"host": "x"}))


@clients
@pytest.mark.parametrize("kind", ["CIMultiDict", "CIMultiDictProxy"])
def test_headers_of_aiohttp_are_accepted(client: Any, kind: str) -> None:
    multidict = pytest.importorskip("multidict")
    headers = multidict.CIMultiDict({name.title(): value for name, value in signed().items()})
    if kind == "CIMultiDictProxy":
        headers = multidict.CIMultiDictProxy(headers)
    assert client.webhooks.unwrap(PAYLOAD, headers).id == "evt_1"


class Failing:
    """Headers that raise something of their own."""

    def items(self) -> Any:
        raise KeyError("no request")


@clients
@pytest.mark.parametrize(
    "headers", [None, 3, "webhook-id: x", b"webhook-id: x", ["webhook-id"], [("a", "b", "c")], Failing(), object()]
)
def test_unreadable_headers_raise_invalid_signature(client: Any, headers: Any) -> None:
    for method in (client.webhooks.unwrap, client.webhooks.verify_signature):
        with pytest.raises(oai.InvalidWebhookSignatureError, match="cannot read the headers from"):
            method(PAYLOAD, headers)


@clients
@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", ["\udcff", "\ud800 v1,x", "é", "v1,é", None, "", 7, b"\xff", [], ["x", 3], object()])
def test_odd_header_values_raise_invalid_signature(client: Any, name: str, value: Any) -> None:
    with pytest.raises(oai.InvalidWebhookSignatureError):
        client.webhooks.unwrap(PAYLOAD, {**signed(), name: value})


@clients
def test_payload_with_surrogates_matches_its_bytes(client: Any) -> None:
    payload = b"\xff" + PAYLOAD.encode()
    client.webhooks.verify_signature(payload.decode(errors="surrogateescape"), signed(payload))
    with pytest.raises(ValueError, match="not JSON"):
        client.webhooks.unwrap(payload, signed(payload))
    for text in ("\ud800", "\udcff"):
        with pytest.raises(oai.InvalidWebhookSignatureError):
            client.webhooks.unwrap(text, signed())


@clients
def test_event_of_unknown_type_is_readable(client: Any) -> None:
    text = json.dumps({**EVENT, "type": "comet.seen", "data": {"tail": 3}})
    event = client.webhooks.unwrap(text, signed(text))
    assert (event.type, event.data["tail"]) == ("comet.seen", 3)


@clients
def test_signed_payload_that_is_not_json_raises_value_error(client: Any) -> None:
    with pytest.raises(ValueError, match="signature is valid, but its payload is not JSON"):
        client.webhooks.unwrap("{", signed("{"))


@given(
    payload=st.binary(min_size=1, max_size=60),
    part=st.sampled_from(["payload", "webhook-id", "webhook-timestamp", "webhook-signature", "secret"]),
    where=st.integers(0, 10_000),
    flip=st.integers(1, 127),
)
def test_any_change_invalidates_the_signature(payload: bytes, part: str, where: int, flip: int) -> None:
    verify = CLIENTS[0].webhooks.verify_signature
    headers, secret = signed(payload), SECRET
    verify(payload, headers, secret=secret)
    if part == "payload":
        at = where % len(payload)
        payload = payload[:at] + bytes([payload[at] ^ flip]) + payload[at + 1 :]
    elif part == "secret":
        secret = "whsec_" + base64.b64encode(RAW[:-1] + bytes([RAW[-1] ^ flip])).decode()
    elif part == "webhook-timestamp":
        headers[part] = str(int(headers[part]) + (flip - 64 or 1))
    else:
        text = headers[part]
        at = where % len(text)
        headers[part] = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    with pytest.raises(oai.InvalidWebhookSignatureError):
        verify(payload, headers, secret=secret)


@given(text=st.text(st.characters(codec=None), max_size=40))
def test_arbitrary_headers_raise_only_invalid_signature(text: str) -> None:
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        headers = {**signed(), name: text}
        if headers != signed():
            with pytest.raises(oai.InvalidWebhookSignatureError):
                CLIENTS[0].webhooks.verify_signature(PAYLOAD, headers)


@clients
@pytest.mark.parametrize(("age", "message"), [(400, "too old"), (-400, "too new")])
def test_timestamp_outside_the_tolerance_is_refused(client: Any, age: float, message: str) -> None:
    with pytest.raises(oai.InvalidWebhookSignatureError, match=message):
        client.webhooks.unwrap(PAYLOAD, signed(age=age))
    assert client.webhooks.unwrap(PAYLOAD, signed(age=age), tolerance=500).id == "evt_1"


@clients
@pytest.mark.parametrize("fraction", [0.0, 0.5, 0.999])
def test_tolerance_counts_whole_seconds(client: Any, fraction: float, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_700_000_000
    headers = {
        age: {
            **signed(),
            "webhook-timestamp": str(now - age),
            "webhook-signature": sign(PAYLOAD.encode(), "wh_1", str(now - age)),
        }
        for age in (-6, -5, -1, 0, 1, 5, 6)
    }
    monkeypatch.setattr(time, "time", lambda: now + fraction)
    for tolerance in (0, 5, 5.5):
        for age, fields in headers.items():
            if abs(age) <= tolerance:
                client.webhooks.verify_signature(PAYLOAD, fields, tolerance=tolerance)
            else:
                with pytest.raises(oai.InvalidWebhookSignatureError, match="too old" if age > 0 else "too new"):
                    client.webhooks.verify_signature(PAYLOAD, fields, tolerance=tolerance)


@pytest.mark.parametrize("tolerance", [-1, float("nan"), "300", None])
def test_invalid_tolerance_is_refused(tolerance: Any) -> None:
    with pytest.raises(ValueError, match="tolerance must be a non-negative number of seconds"):
        CLIENTS[0].webhooks.verify_signature(PAYLOAD, signed(age=10**6), tolerance=tolerance)


@clients
@pytest.mark.parametrize(
    "secret",
    [SECRET.encode(), f" {SECRET}\n".encode(), bytearray(SECRET.encode()), RAW, [SECRET.encode()], [b"other", RAW]],
)
def test_secret_may_be_bytes(client: Any, secret: Any) -> None:
    assert client.webhooks.unwrap(PAYLOAD, signed(), secret=secret).id == "evt_1"


@pytest.mark.parametrize("secret", [3, [None], [3], object()])
def test_secret_of_another_type_is_refused(secret: Any) -> None:
    with pytest.raises(TypeError, match=r"webhook secret must be str or bytes|not iterable"):
        CLIENTS[0].webhooks.verify_signature(PAYLOAD, signed(), secret=secret)


@clients
@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_missing_header_is_named(client: Any, name: str) -> None:
    headers = signed()
    del headers[name]
    with pytest.raises(oai.InvalidWebhookSignatureError, match=f"no header '{name}'"):
        client.webhooks.unwrap(PAYLOAD, headers)


@clients
def test_several_secrets_and_signatures_are_accepted_during_rotation(client: Any) -> None:
    other = b"another one"
    both = signed()
    both["webhook-signature"] = f"v1a,xyz {signed(key=other)['webhook-signature']} {both['webhook-signature']}"
    client.webhooks.verify_signature(PAYLOAD, both)
    client.webhooks.verify_signature(PAYLOAD, signed(), secret=[other.decode(), SECRET])
    client.webhooks.verify_signature(PAYLOAD, signed(key=other), secret=[other.decode(), SECRET])
    with pytest.raises(oai.InvalidWebhookSignatureError):
        client.webhooks.verify_signature(PAYLOAD, signed(key=b"a third"), secret=[other.decode(), SECRET])


@pytest.mark.parametrize("secret", ["", " ", "whsec_", "whsec_ ", b"", b"whsec_", [], ["x", ""], [b""]])
def test_empty_secret_is_refused(secret: Any) -> None:
    with pytest.raises(ValueError, match="there is no webhook secret"):
        CLIENTS[0].webhooks.verify_signature(PAYLOAD, signed(key=b""), secret=secret)


def test_invalid_secret_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="not base64") as caught:
        CLIENTS[0].webhooks.verify_signature(PAYLOAD, signed(), secret="whsec_%%%hidden")
    assert "hidden" not in str(caught.value)


def test_secret_is_an_option_of_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = oai.OpenAI(api_key=KEY)
    with pytest.raises(ValueError, match="OPENAI_WEBHOOK_SECRET"):
        bare.webhooks.unwrap(PAYLOAD, signed())
    assert bare.with_options(webhook_secret=SECRET).webhooks.unwrap(PAYLOAD, signed()).id == "evt_1"
    monkeypatch.setenv("OPENAI_WEBHOOK_SECRET", SECRET)
    client = oai.OpenAI(api_key=KEY)
    assert client.webhook_secret == SECRET
    assert client.webhooks.unwrap(PAYLOAD, signed()).id == "evt_1"
    assert SECRET.encode() not in pickle.dumps(client)
    assert SECRET not in repr(client)


def test_importing_the_package_imports_no_helper() -> None:
    code = "import oai, sys; oai.OpenAI(api_key='k'); print([name for name in sys.modules if 'oai.helpers' in name])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"
