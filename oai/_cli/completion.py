"""`oai completion SHELL`: print the script that completes operations, parameters and their values while typing.

The script runs `oai completion suggest LINE` for each press of the key, which reads the table and nothing else, so
that it is fast and knows the operations of `OAI_TABLE`.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from oai._cli.arguments import UsageError
from oai._cli.chat import OPERATION
from oai._cli.operations import Commands, find_names

if TYPE_CHECKING:
    import argparse

    from oai._table.rows import Row

SCRIPTS = {
    "bash": r"""
_oai() {
    local line="${COMP_LINE:0:COMP_POINT}" word kept sign reply
    word="${line##*[[:space:]]}"
    for sign in = : @; do  # bash replaces only what follows the last of its word breaks
        if [[ $COMP_WORDBREAKS == *"$sign"* && ${word##*"$sign"} != "$word" ]]; then
            reply="${word%"${word##*"$sign"}"}"
            (( ${#reply} > ${#kept} )) && kept="$reply"
        fi
    done
    kept="${kept%@}"  # this one is part of the replaced text
    COMPREPLY=()
    while IFS= read -r reply; do
        COMPREPLY+=("${reply#"$kept"}")
    done < <(oai completion suggest "$line" 2>/dev/null)
}
complete -o nospace -o nosort -F _oai oai 2>/dev/null || complete -o nospace -F _oai oai
""",
    "zsh": r"""#compdef oai
_oai() {
    local line="${(j: :)words[1,CURRENT]}" reply
    local -a whole part
    while IFS= read -r reply; do
        case "$reply" in
            *' ') whole+=("${reply% }") ;;
            *) part+=("$reply") ;;
        esac
    done < <(oai completion suggest "$line" 2>/dev/null)
    (( $#whole )) && compadd -- "${whole[@]}"
    (( $#part )) && compadd -S '' -- "${part[@]}"
}
if [ "${funcstack[1]}" = "_oai" ]; then _oai "$@"; else compdef _oai oai; fi
""",
    "fish": r"""
complete -c oai -f -a '(oai completion suggest (commandline -cp) 2>/dev/null | string trim --right --chars " ")'
""",
}
"""The script of each shell."""

LITERAL = re.compile(r"Literal\[([^\]]*)\]")
STRING = re.compile(r"'([^']*)'|\"([^\"]*)\"")

NAMED = re.compile(r"[A-Z]\w+(?=$|\?| \|)|[a-z_]\w*(?:\.\w+)*\.[A-Z]\w+(?=$|\?| \|)")
"""The name of an API type at the beginning of a type expression."""

MOST = 400
"""The maximum number of suggestions."""


def completion(_options: argparse.Namespace, _: str, words: list[str]) -> int:
    """Print the script of a shell."""
    if len(words) != 1 or words[0] not in SCRIPTS:
        raise UsageError(f"usage: oai completion {' | '.join(SCRIPTS)}")
    print(SCRIPTS[words[0]].strip())  # noqa: T201
    return 0


def suggest(line: str, table: Commands, commands: Iterable[str], options: dict[str, bool]) -> list[str]:
    """Return the completions of the last word of a command line; those that end the word have a space at their end.

    Args:
        line: the line up to the cursor, with the name of the program.
        table: the operations.
        commands: the commands that are not operations.
        options: the options, and whether each takes a value.
    """
    *before, word = _split(line)
    if before and options.get(before[-1]):
        return _paths("", word)
    if word.startswith("-"):
        return [f"{option} " for option in options if option.startswith(word)]
    previous = ["", *before]
    plain = [
        each for each, last in zip(before, previous, strict=False) if not each.startswith("-") and not options.get(last)
    ]
    if not plain:
        return [*(f"{name} " for name in commands if name.startswith(word)), *_names(word, table)]
    return _after(plain, word, table)


def _after(plain: list[str], word: str, table: Commands) -> list[str]:
    """Return the completions of a word behind a command or an operation."""
    command, *rest = plain
    if command in ("show", "map", "help") and not rest:
        return _names(word, table)
    if command == "map":
        command, *rest = rest
    if command == "chat":
        command = OPERATION
    if command in _ARGUMENTS and not rest:
        return [f"{name} " for name in _ARGUMENTS[command] if name.startswith(word)]
    try:
        rows = [table[name] for name in find_names(table, command)]
    except UsageError:
        return _paths("", word)
    return list(dict.fromkeys(text for row in rows for text in _arguments(row, word, rest)))[:MOST]


_ARGUMENTS = {
    "completion": tuple(SCRIPTS),
    "cassette": ("check", "show", "import"),
    "cache": ("show", "clear", "export"),
}


def _split(line: str) -> list[str]:
    """Return the words after the program's name. The last one may be empty, or an unclosed quotation."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:  # an unclosed quotation
        words.append(lexer.token)
    else:
        if line[-1:].isspace() or len(words) < 2:
            words.append("")
    return words[1:]


def _names(word: str, table: Commands) -> list[str]:
    """Return operations that begin with a word, up to the next dot where there are several groups."""
    names = sorted(name for name in [*table, *table.aliases] if name.startswith(word))
    start = word
    while True:
        groups = dict.fromkeys(
            name[: name.find(".", len(start)) + 1] if "." in name[len(start) :] else f"{name} " for name in names
        )
        if len(groups) != 1 or next(iter(groups)).endswith(" "):
            return list(groups)[:MOST]
        start = next(iter(groups))


def _arguments(row: Row, word: str, rest: list[str]) -> Iterator[str]:
    params: dict[str, str] = {**dict.fromkeys(row.path_params, "str"), **(row.params or {})}
    if row.stream:
        params.setdefault("stream", "bool?")
    name, sign, start = _parts(word)
    if sign == "=" and name in params:
        yield from (f"{name}={value} " for value in _values(params[name]) if value.startswith(start))
    elif sign in ("@", "=@", ":=@"):
        yield from _paths(f"{name}{sign}", start)
    elif not sign:
        used = {_parts(text)[0] for text in rest}
        for param in sorted(params, key=lambda param: params[param].endswith("?")):  # the required ones first
            text = f"{param}{_sign(row, param, params[param])}"
            if text.startswith(word) and param not in used and param not in row.path_params:
                yield text


def _parts(word: str) -> tuple[str, str, str]:
    match = re.match(r"(\w+)(:=@|=@|:=|=|@)(.*)", word, re.DOTALL)
    return (match[1], match[2], match[3]) if match else (word, "", "")


def _sign(row: Row, name: str, kind: str) -> str:
    if name in row.files:
        return "@"
    return (
        ":="
        if re.match(r"(list|dict|Iterable|Sequence|Mapping)\b", kind) or (NAMED.match(kind) and not _values(kind))
        else "="
    )


def _values(kind: str) -> list[str]:
    """Return the texts that a type accepts: of its literals, also those of a named type."""
    texts = [one or other for group in LITERAL.findall(kind) for one, other in STRING.findall(group)]
    if not texts and (name := NAMED.match(kind)):
        from oai._table.type_expressions import resolve

        return [text for text in _literals(resolve(name[0])) if isinstance(text, str)]
    return texts or (["true", "false"] if re.match(r"bool\b", kind) else [])


def _literals(kind: Any) -> Iterator[Any]:
    from typing import Literal, get_args, get_origin

    for each in get_args(kind):
        yield from [each] if get_origin(kind) is Literal else _literals(each)


def _paths(start: str, path: str) -> list[str]:
    directory, prefix = os.path.split(path)
    try:
        entries = sorted(os.scandir(directory or "."), key=lambda entry: entry.name)
    except OSError:
        return []
    matches: list[Any] = [entry for entry in entries if entry.name.startswith(prefix)]
    shown = [entry for entry in matches if prefix.startswith(".") or not entry.name.startswith(".")]
    return [f"{start}{os.path.join(directory, entry.name)}{'/' if entry.is_dir() else ' '}" for entry in shown][:MOST]
