"""Errors of every status and shape: class, code, param, body and attempts are the official SDK's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.official.faults import KNOWN_FAULTS
from tests.official.sides import SIDES, Exchange, Reply, client, long, quick, quiet

STATUSES = [
    400,
    401,
    402,
    403,
    404,
    405,
    408,
    409,
    410,
    413,
    418,
    422,
    425,
    429,
    451,
    499,
    500,
    501,
    502,
    503,
    504,
    529,
    599,
]

values = st.sampled_from([None, "text", "", 5, True, {"a": 1}])
if "errors: param" in KNOWN_FAULTS:
    values, params = st.sampled_from([None, "text", "", 5, True]), st.sampled_from([None, "text", ""])
else:
    params = st.one_of(values, st.just(["a"]))

errors = st.fixed_dictionaries(
    {}, optional={"message": values, "type": params, "param": params, "code": values, "new": values}
)
wrapped = errors if "errors: body" in KNOWN_FAULTS else st.one_of(errors, st.sampled_from([None, "text", [], [1], 5]))
bodies = st.one_of(
    st.fixed_dictionaries({"error": wrapped}, optional={"message": values, "code": values}),
    errors,
    st.sampled_from([{"detail": "text"}, {"detail": [{"msg": "text"}]}, {}, "text", None, 5, []]),
).map(Reply.of_json)
texts = st.builds(
    lambda kind, text: Reply(headers=kind and (("content-type", kind),), pieces=(text,)),
    st.sampled_from(["application/json", "text/html", "text/plain; charset=utf-8", ""]),
    st.sampled_from([b"", b"<html>text</html>", b"{bad", "é".encode(), b'{"error": {"code": "c"}}']),
)
hints = st.sampled_from(
    [{}, {"x-should-retry": "true"}, {"x-should-retry": "false"}, {"x-request-id": "r"}, {"x-should-retry": "no"}]
)


def raised(module: Any, reply: Reply, retries: int) -> dict[str, Any]:
    exchange = Exchange(lambda _: reply)
    made = client(module, exchange, max_retries=retries)
    with quiet(), pytest.raises(module.APIError) as caught:
        made.models.list()
    names = ("code", "param", "type", "body", "status_code", "request_id")
    found = {name: getattr(caught.value, name) for name in names}
    return {"class": type(caught.value).__name__, "attempts": len(exchange.requests), **found}


def check(status: int, reply: Reply, hint: dict[str, str]) -> None:
    headers = (*reply.headers, ("retry-after-ms", "1"), *hint.items())
    failing = Reply(status, headers, reply.pieces)
    ours, theirs = (raised(module, failing, 2) for module in SIDES)
    assert ours == theirs


@quick(200)
@given(st.sampled_from(STATUSES), st.one_of(bodies, texts), hints)
def test_errors_are_equal(status: int, reply: Reply, hint: dict[str, str]) -> None:
    check(status, reply, hint)


@pytest.mark.thorough
@long(1500)
@given(st.integers(400, 599), st.one_of(bodies, texts), hints)
def test_more_errors_are_equal(status: int, reply: Reply, hint: dict[str, str]) -> None:
    check(status, reply, hint)
