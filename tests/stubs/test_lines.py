"""Long lines of stubs and of other generated files are broken, and mean the same."""

from __future__ import annotations

import ast

import pytest
from paths import ROOT

from oai._stubs.lines import WIDEST, break_lines, split

LONG = " | ".join(f"oai.types.some_area.SomeParameterNumber{number}" for number in range(5))
VALUES = ", ".join(f'"value number {number}, with | and ["' for number in range(9))

LINES = {
    "a union in a signature": f"def f(\n    self, *, a: int,\n    value: {LONG} | Omit = omit,\n) -> None: ...",
    "constants in a signature": f"def f(\n    self,\n    value: str | Literal[{VALUES}] | None = None,\n) -> None: ...",
    "a list of a union": f"def f(\n    self,\n    value: Iterable[{LONG}],\n) -> None: ...",
    "a signature on one line": f"def f(self, a: int, value: {LONG}, *, b: str = 'x, y') -> dict[str, {LONG}]: ...",
    "an async one": f"class A:\n    async def f(self, value: {LONG} = ...) -> None: ...",
    "a result": f"def f(\n    self,\n) -> Pages[Page[{'x' * 60}], {'y' * 60}]: ...",
    "an alias": f"Kind: TypeAlias = Literal[{VALUES}] | {LONG}",
    "an import": f"from oai._typing import {', '.join(f'SomeName{number}' for number in range(20))}",
    "options": f"def f(\n    {', '.join(f'some_option_{number}: int = 1' for number in range(9))},\n) -> None: ...",
    "a docstring": f'def f() -> None:\n    """Do it. {"word " * 40}"""',
    "arguments in a docstring": f'def f() -> None:\n    """Do it.\n\n    Args:\n        size: {"word " * 40}\n    """',
    "a comment": f"# {'word [' * 40}",
}


def meaning(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                node.value = ast.Constant(value=" ".join(text.split()))
    return ast.dump(tree)


@pytest.mark.parametrize("case", LINES)
def test_a_broken_line_means_the_same(case: str) -> None:
    source = LINES[case]
    broken = break_lines(source)
    assert meaning(broken) == meaning(source)
    if case != "a comment":
        assert max(map(len, broken.splitlines())) <= WIDEST
        assert break_lines(broken) == broken


def test_short_lines_stay_as_they_are() -> None:
    text = 'from a import b\n\ndef f(a: int, b: list[str | None] = ...) -> None:\n    """Do it."""\n'
    assert break_lines(text) == text


def test_arguments_of_a_docstring_continue_indented() -> None:
    lines = break_lines(LINES["arguments in a docstring"]).splitlines()
    assert [len(line) - len(line.lstrip()) for line in lines[3:6]] == [4, 8, 12]


def test_separators_in_brackets_and_strings_do_not_split() -> None:
    assert split('a[b, c], "d, \\", e", f', ", ") == ["a[b, c]", '"d, \\", e"', "f"]


@pytest.mark.parametrize("part", ["types", "_typed", "_official", "lib", "resources", "auth", "providers"])
def test_generated_files_have_no_long_lines_but_those_of_one_name(part: str) -> None:
    paths = [path for end in ("*.py", "*.pyi", "*.txt") for path in (ROOT / "oai" / part).rglob(end)]
    generated = [text for text in (path.read_text() for path in paths) if text.startswith("# Generated")]
    assert generated
    long = [line for text in generated for line in text.splitlines() if len(line) > WIDEST]
    assert [line for line in long if len(max(line.split(), key=len)) < WIDEST - 60] == []


def test_the_table_has_no_long_lines() -> None:
    text = (ROOT / "oai" / "endpoints.toml").read_text()
    assert [line for line in text.splitlines() if len(line) > WIDEST] == []
