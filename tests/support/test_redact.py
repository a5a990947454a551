"""Redaction: secrets by the names that hold them and by their own forms; everything else stays."""

from __future__ import annotations

import base64
import importlib
import json
import pkgutil
from typing import Any

import pytest
from secret_samples import KEYS, PEM, VALUE, WORDS, spellings

import oai.types
from oai._support.redact import REDACTED, Redactor, is_secret_field, is_secret_header, redact_text, redact_url


@pytest.mark.parametrize("words", WORDS, ids="_".join)
def test_secret_field_is_recognized_in_every_case_and_with_every_separator(words: list[str]) -> None:
    for name in spellings(words):
        assert is_secret_field(name), name
        assert Redactor().json({name: VALUE}) == {name: REDACTED}
        assert Redactor().field(f"a[{name}]", VALUE) == REDACTED
        assert VALUE not in redact_text(json.dumps({"a": {name: VALUE, "n": 1}}))
        assert VALUE not in redact_text(repr({name: VALUE}))
        assert VALUE not in redact_text(f'cut off: "{name}": "{VALUE}')
        assert VALUE not in redact_text(json.dumps(json.dumps({name: VALUE})))


@pytest.mark.parametrize("words", WORDS, ids="_".join)
def test_secret_element_of_xml_is_redacted(words: list[str]) -> None:
    for name in ("_".join(words), "".join(map(str.capitalize, words)), f"ns:{'-'.join(words)}"):
        for start, end in ((f"<{name}>", f"</{name}>"), (f'<{name} a="b">\n ', ""), (f"<{name}><![CDATA[", "]]>")):
            assert redact_text(f"<a>{start}{VALUE}{end}") == f"<a>{start}{REDACTED}{end}"


def api_names() -> set[str]:
    names: set[str] = set()
    for info in pkgutil.walk_packages(oai.types.__path__, "oai.types."):
        for kind in vars(importlib.import_module(info.name)).values():
            if isinstance(kind, type):
                names |= {*getattr(kind, "__annotations__", ()), *getattr(kind, "__struct_encode_fields__", ())}
    return names


def test_fields_of_the_api_that_hold_no_secret_are_shown() -> None:
    assert {name for name in api_names() if is_secret_field(name)} == {
        "access_token",
        "api_key",
        "authorization",
        "client_secret",
        "domain_secrets",
        "refresh_token",
        "secret_value",
        "signing_secret",
    }


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize(
    "frame", ["{}", "key {}, not found", '{{"a": "{}"}}', "<a>{}</a>", "({})", "url/{}?x=1", "{}\n"]
)
def test_key_of_a_known_service_is_redacted_by_its_form(key: str, frame: str) -> None:
    assert redact_text(frame.format(key)) == frame.format(REDACTED)
    assert Redactor().json([frame.format(key)]) == [frame.format(REDACTED)]
    assert Redactor().leak(frame.format(key)) == "what looks like a key"


@pytest.mark.parametrize("user", ["a", "ab", "abc"])
def test_basic_credentials_are_found_at_each_alignment_of_the_colon(user: str) -> None:
    code = base64.b64encode(f"{user}:pass".encode()).decode()
    assert redact_text(f"Authorization: Basic {code}") == f"Authorization: {REDACTED}"


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\\n", "\n  "])
def test_private_key_in_pem_is_redacted_whole_and_cut(kind: str, line_end: str) -> None:
    pem = PEM.format(kind, kind).replace("\n", line_end)
    assert redact_text(f"before {pem} after") == f"before {REDACTED} after"
    assert redact_text(pem[:120]) == REDACTED
    assert redact_text("it begins with -----BEGIN PRIVATE" + " KEY----- and so on").endswith("and so on")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("https://x/cb?code=4/abc&state=1", "https://x/cb?code=[redacted]&state=1"),
        ("see https://x/y?a=1&clientSecret=abc#f", "see https://x/y?a=1&clientSecret=[redacted]#f"),
        ("GROQ_KEY=abcdef\nMODEL=llama-33-70b", "GROQ_KEY=[redacted]\nMODEL=llama-33-70b"),
        ('export MY_SERVICE_TOKEN="abcdef"', 'export MY_SERVICE_TOKEN="[redacted]"'),
        ("password=hunter2hunter", "password=[redacted]"),
        ("client_secret=hunterhunter&grant_type=x", "client_secret=[redacted]&grant_type=x"),
        ("code=hunterhunter&state=1", "code=[redacted]&state=1"),
        ("X-Api-Key: abc-123-def\nAccept: */*", "X-Api-Key: [redacted]\nAccept: */*"),
        ("db:\n  password: hunter2hunter\n", "db:\n  password: [redacted]\n"),
        ('api_key = "abc-123-def"', 'api_key = "[redacted]"'),
        ("Server=x;AccountKey=abc123/def==;Y=1", "Server=x;AccountKey=[redacted];Y=1"),
        ("postgres://me:hunter2hunter@x/y", "postgres://me:[redacted]@x/y"),
    ],
)
def test_secret_is_recognized_by_the_name_before_it(text: str, redacted: str) -> None:
    assert redact_text(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "the api_key = os.environ['X'] of a client",
        "password = input()",
        "code=7 is wrong & code=8 is right",
        "password: at least 8 characters",
        "api_key=get_key_2()",
        "max_tokens=1000000000",
        "Basic authentication is used, bearer of news",
        '{"token": "hello", "key": "value", "finish_reason": "length"}',
        '{"prompt_cache_key": "conversation-17", "next_page_token": "abcdefgh1234"}',
        "<Token>hello there</Token><Key>photos/2024.png</Key>",
        "a secret garden, a password policy; the cookie is good",
        "ghp_short AKIASHORT hf_x xai-",
        "https://x/y?encode=utf-8&country_code=12345678",
        '"a secret": the word',
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact_text(text) == text
    assert Redactor().leak(text) == ""


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("text", [json.dumps({"clientSecret": VALUE, "é": 1}), f"PASSWORD={VALUE} é"])
def test_content_is_redacted_in_its_own_encoding(codec: str, text: str) -> None:
    redacted = Redactor().bytes(text.encode(codec)).decode(codec)
    assert VALUE not in redacted
    assert REDACTED in redacted
    assert "é" in redacted


def test_content_in_no_known_encoding_is_redacted_byte_by_byte() -> None:
    assert (
        Redactor().bytes(b"\xff\x00\xfe PASSWORD=" + VALUE.encode() + b" \xe9")
        == b"\xff\x00\xfe PASSWORD=[redacted] \xe9"
    )


@pytest.mark.parametrize(
    ("value", "redacted"),
    [
        ({"secrets": {"openai": VALUE, "name": "n"}}, {"secrets": {"openai": REDACTED, "name": "n"}}),
        ({"cookies": {"sid": "abc"}}, {"cookies": {"sid": REDACTED}}),
        (
            {"credentials": {"username": "me", "password": "x"}},
            {"credentials": {"username": "me", "password": REDACTED}},
        ),
        ({"apiKeys": ["a", "b"]}, {"apiKeys": [REDACTED, REDACTED]}),
        ({"password": None, "secret": 5, "api_key": ""}, {"password": None, "secret": 5, "api_key": ""}),
    ],
)
def test_secrets_in_objects_and_lists_are_redacted(value: Any, redacted: Any) -> None:
    assert Redactor().json(value) == redacted


def test_secret_headers_and_parameters_are_recognized_by_name() -> None:
    for name in (
        "X-Client-Secret",
        "x-amz-security-token",
        "Ocp-Apim-Subscription-Key",
        "x-goog-api-key",
        "Set-Cookie",
    ):
        assert is_secret_header(name)
    for name in ("x-request-id", "idempotency-key", "x-ratelimit-remaining-tokens", "content-type", "x-error-code"):
        assert not is_secret_header(name)
    assert redact_url("https://x/cb?code=abc&accessToken=d&page=2") == (
        f"https://x/cb?code={REDACTED}&accessToken={REDACTED}&page=2"
    )
