"""Replies on a terminal are wrapped at words while they arrive; code and tables keep their lines."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oai._cli.cells import cells
from oai._cli.wrapping import Wrapper

FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
THUMB = "\U0001f44d\U0001f3fd"


def wrapped(*pieces: str, columns: int = 20) -> str:
    wrapper = Wrapper(lambda: columns)
    return "".join([*map(wrapper.add, pieces), wrapper.finish()])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("abc", 3),
        ("\u00e9\u0308", 1),
        ("e\u0301", 1),
        ("\u65e5\u672c", 4),
        ("\uff21", 2),
        ("\u1112\u1161\u11ab", 2),
        ("\U0001f600", 2),
        (FAMILY, 2),
        (THUMB, 2),
        ("\u2764\ufe0f", 2),
        ("\u2764", 1),
        ("\U0001f1e9\U0001f1ea", 2),
        ("a\u200bb", 2),
    ],
)
def test_cells_of_text(text: str, number: int) -> None:
    assert cells(text) == number


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("The quick brown fox jumps", "The quick brown fox|jumps"),
        ("exactly twenty cells", "exactly twenty cells"),
        ("exactly twenty cells!", "exactly twenty|cells!"),
        ("two  spaces stay  here", "two  spaces stay|here"),
        ("one\n\ntwo\n", "one||two|"),
        ("see https://example.com/a/long/path now", "see|https://example.com/a/long/path now"),
        ("- an item of a long list", "- an item of a long|  list"),
        ("  10. an item of a list", "  10. an item of a|      list"),
        (f"ten {FAMILY} or more {FAMILY} {THUMB}", f"ten {FAMILY} or more {FAMILY} {THUMB}"),
        (f"ten {FAMILY} or longer {FAMILY}{THUMB}", f"ten {FAMILY} or longer {FAMILY}|{THUMB}"),
    ],
)
def test_lines_end_at_words(text: str, lines: str) -> None:
    assert wrapped(text) == lines.replace("|", "\n")


def test_no_line_of_chinese_or_japanese_begins_with_a_comma_or_ends_with_a_bracket() -> None:
    words = "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3067\u3059"
    assert wrapped(f"{words}\u3001\u306f\u3044", columns=18) == f"{words}\u3001\n\u306f\u3044"
    assert wrapped(f"{words}\u3001\u306f\u3044", columns=17) == f"{words[:-1]}\n{words[-1]}\u3001\u306f\u3044"
    assert wrapped(f"{words}\u300c\u306f\u3044\u300d", columns=18) == f"{words}\n\u300c\u306f\u3044\u300d"


@pytest.mark.parametrize(
    "code",
    [
        "```python\ndef a_function(with_a_name, and_more): pass\n```",
        "``` python title\na = 'a line that is too long for the terminal'\n```",
        "~~~~\na line that is too long ~~~\n~~~\nand another one that is\n~~~~",
        "    indented_code = 'too long for this terminal'\n    and_more_of_it = 'as long as the other'",
        "\tindented_code = 'too long for this terminal'",
        "| a | b | a row of a table that is too long |\n|---|---|---|",
        "- item\n  ```\n  a line of code that is too long\n  ```",
        "1. item\n\n    ```sh\n    a line of code that is too long\n    ```",
    ],
)
def test_code_and_tables_keep_their_lines(code: str) -> None:
    text = f"Before:\n\n{code}\n\nAfter it all lines are wrapped\n"
    expected = f"Before:\n\n{code}\n\nAfter it all lines\nare wrapped\n"
    assert wrapped(text) == expected
    assert wrapped(*text) == expected


@pytest.mark.parametrize(
    "text", ["a ```code``` that is inline", "    nested - item after\n- x", "```not``` a fence here"]
)
def test_inline_code_is_wrapped(text: str) -> None:
    assert "\n" in wrapped(f"first\n{text}").removeprefix("first\n")


def test_words_are_shown_as_soon_as_they_end() -> None:
    wrapper = Wrapper(lambda: 20)
    assert [wrapper.add(piece) for piece in ("Hel", "lo, wor", "ld", "! ", "\n")] == ["", "Hello,", "", " world!", "\n"]
    assert [wrapper.add(piece) for piece in ("```\nco", "de")] == ["```\nco", "de"]


def test_width_may_change_meanwhile() -> None:
    columns = 20
    wrapper = Wrapper(lambda: columns)
    text = wrapper.add("The quick brown fox jumps ")
    columns = 40
    assert text + wrapper.add("over the lazy dog") + wrapper.finish() == "The quick brown fox\njumps over the lazy dog"


WORDS = st.text(st.sampled_from("abc-*`~|.1 \t\n\u65e5\u3001\uff08\u0301" + FAMILY + THUMB), max_size=200)


@given(WORDS, st.integers(20, 40), st.lists(st.integers(0, 200), max_size=20))
def test_text_is_the_same_however_it_arrives(text: str, columns: int, cuts: list[int]) -> None:
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    pieces = [text[start:end] for start, end in pairwise(places)]
    whole = wrapped(text, columns=columns)
    assert wrapped(*pieces, columns=columns) == whole
    assert "".join(whole.split()) == "".join(text.split())


@given(st.lists(st.text("abc\u65e5\u672c", min_size=1, max_size=9), max_size=40), st.integers(20, 40))
def test_no_line_is_wider_than_the_terminal(words: list[str], columns: int) -> None:
    assert all(cells(line) <= columns for line in wrapped(" ".join(words), columns=columns).split("\n"))
