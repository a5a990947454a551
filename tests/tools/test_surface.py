"""The comparison of what users can name: whatever would be missing or otherwise shows."""

from __future__ import annotations

from functools import cached_property
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("openai", reason="the official SDK is not installed: pip install '.[official]'")

from tools.generate.compare import against_surface
from tools.generate.generated import of_installed
from tools.generate.surface import describe, is_public


class Base:
    def __init__(self, host: str, *, port: int = 1, extra_headers: Any = None) -> None:
        self.host = host
        self._port = port

    @property
    def url(self) -> str:
        return self.host

    @cached_property
    def parts(self) -> list[str]:
        return []

    @classmethod
    def local(cls, port: int = 2) -> Base:
        return cls("localhost", port=port)


class Derived(Base):
    name: str = "x"

    def __init__(self, *, name: str | None = None, **options: Any) -> None:
        super().__init__(**options)

    def send(self, body: bytes, *parts: str, timeout: float = 3.0, **options: Any) -> None: ...


def test_a_class_is_described_by_parameters_and_members() -> None:
    assert describe("X", Derived) == {
        "X": "class",
        "X(name)": "unset",
        "X(host)": "required",
        "X(port)": "1",
        "X.send": "method",
        "X.send(body)": "required",
        "X.send(timeout)": "3.0",
        "X.send(**)": "unset",
        "X.name": "attribute",
        "X.host": "attribute",
        "X.url": "attribute",
        "X.parts": "attribute",
        "X.local": "method",
        "X.local(port)": "2",
    }


def test_public_modules_are_those_that_people_import() -> None:
    assert [is_public(each) for each in ("lib.azure", "auth", "_client", "lib._tools", "types.chat", "cli")] == [
        *(True, True),
        *(False, False, False, False),
    ]


def test_environment_variables_are_read_from_the_source() -> None:
    names = {f"environ:{name}" for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AZURE_OPENAI_ENDPOINT")}
    assert names <= of_installed().sdk.surface.keys()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("OpenAI(brand_new)", "unset", ("missing", "OpenAI", "(brand_new)")),
        ("OpenAI(max_retries)", "9", ("changed", "OpenAI", "(max_retries)")),
        ("OpenAI.brand_new", "method", ("missing", "OpenAI", ".brand_new")),
        ("RateLimitError.brand_new", "attribute", ("missing", "RateLimitError", ".brand_new")),
        ("all:BrandNewError", "name", ("missing", "all:BrandNewError", "")),
        ("module:lib.brand_new", "module", ("missing", "module:lib.brand_new", "")),
        ("name:lib.streaming.BrandNew", "class", ("missing", "name:lib.streaming.BrandNew", "")),
        (
            "call:files.wait_for_processing(brand_new)",
            "3",
            ("missing", "call:files.wait_for_processing", "(brand_new)"),
        ),
        ("call:files.wait_for_processing(id)", "3", ("changed", "call:files.wait_for_processing", "(id)")),
        ("environ:OPENAI_BRAND_NEW", "read", ("missing", "environ:OPENAI_BRAND_NEW", "")),
        ("header:X-Brand-New", "sent", ("missing", "header:X-Brand-New", "")),
        ("retry:status 404", "True", ("changed", "retry:status 404", "")),
        ("constant:DEFAULT_MAX_RETRIES", "7", ("changed", "constant:DEFAULT_MAX_RETRIES", "")),
    ],
)
def test_additions_and_differences_of_the_sdk_are_reported(
    name: str, text: str, expected: tuple[str, str, str]
) -> None:
    sdk = of_installed().sdk
    known = {"all:OpenAI", "all:RateLimitError", "OpenAI", "RateLimitError", "call:files.wait_for_processing"}
    surface = {each: sdk.surface[each] for each in known} | {name: text}
    changed: Any = SimpleNamespace(**{**vars(sdk), "surface": surface})
    assert [(each.kind, each.operation, each.key) for each in against_surface(changed)] == [expected]


def test_a_version_that_is_not_pinned_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from tools.generate import pin

    monkeypatch.setattr(pin, "version", lambda _: "0.0.1")
    with pytest.raises(SystemExit, match=r"the installed openai is 0\.0\.1, and pyproject\.toml pins "):
        pin.check_installed()
