"""The command line: `oai OPERATION name=value ...`, and `oai list` and `oai show` to discover operations.

Operations and their parameters come from the table; nothing here names one. This module parses options, finds the
operation, and reports every error as one line with an exit status. `_cli.arguments` interprets the words and
`_cli.output` prints results. Each command imports only the modules it needs, to start fast.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from oai._cli.arguments import UsageError
from oai._cli.chat import CHAT_OPTIONS, add_chat_options
from oai._cli.commands import COMMANDS, USAGE_OF
from oai._cli.map import MAP_OPTIONS, add_map_options
from oai._cli.notices import describe, print_notice
from oai._cli.process import as_utf8, enter_utf8_mode, flush, open_closed_streams
from oai._cli.serve import SERVE_OPTIONS, add_serve_options
from oai._cli.terminal import print_text
from oai._support.suggest import nearest
from oai._version import __version__

FAILED, USAGE, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141
"""Exit statuses; the last two are those that a shell reports for a program ended by SIGINT or SIGPIPE."""

OWN_OPTIONS = {"chat": CHAT_OPTIONS, "map": MAP_OPTIONS, "serve": SERVE_OPTIONS}
"""The options that only one command has."""

ADD_OPTIONS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "chat": add_chat_options,
    "map": add_map_options,
    "serve": add_serve_options,
}
"""The functions that add them to a parser."""

SHORT = """\
oai calls any operation of the OpenAI API from the shell.

  oai OPERATION [name=text | name:=json | name@file | text ...] [options]

  oai --offline responses.create model=gpt-5 input='Tell me a story.' --text
  oai files.create file@notes.txt purpose=user_data

  oai chat model=gpt-5   converse with a model
  oai list [WORD ...]    find an operation
  oai show OPERATION     show its parameters and result
  oai map OPERATION      call it for every row of a file
  oai providers          list services and servers that --provider selects
  oai serve              run a local server for tests
  oai cassette           check, show or import recorded exchanges
  oai cache              show, clear or export kept responses
  oai import DOCUMENT    make a table of operations from an OpenAPI document
  oai stubs TABLE        make typed calls for your table
  oai completion SHELL   set up completion in bash, zsh or fish

--dry-run prints the request as a curl command; --offline invents the response,
without a key. All options, and how to write arguments: oai --help
"""

EXAMPLES = """\
arguments:
  name=text          a parameter; the text is converted if its type is a number or boolean
  name:=json         a parameter as JSON, such as temperature:=0.2 or stop:='["a", "b"]'
  name@path          a file to upload; name@- uploads the standard input
  name=@path         a parameter with the text of a file (name:=@path: its JSON); - is the standard input
  name[0].key=text   a nested value; name[]=text appends to a list
  name==text         an additional query parameter
  text               the next parameter of the path

examples:
  oai --offline chat.completions.create model=gpt-5 messages:='[{"role": "user", "content": "Hello"}]'
  oai responses.create model=gpt-5 input='Tell me a story.' stream:=true
  oai files.create file@notes.txt purpose=user_data
  oai --all files.list | head -3
  oai --output hello.mp3 audio.speech.create model=tts-1 voice=alloy input=Hello
  oai uploads.upload_file_chunked file@big.jsonl mime_type=text/jsonl purpose=batch journal=big.journal
  oai batches.poll BATCH_ID deadline=3600
  oai --provider ollama chat.completions.create model=llama3.2 messages:=@chat.json
  oai list chat                      operations that mention "chat"
  oai show chat.completions.create   the parameters of an operation
  oai --table my.toml rerank query=cats documents:='["a", "b"]'
  oai --output my.toml import openapi.json    a table from an OpenAPI document
  oai --output my_api.py stubs my.toml        typed calls for your table
  oai map embeddings.create model=text-embedding-3-small --input texts.jsonl --output vectors.jsonl --journal j
  oai serve --cassette chat.cassette          a local server for clients of any kind

The API key is read from the environment (OPENAI_API_KEY, or see --api-key-env), never from the command line.
"""


def main(words: list[str] | None = None) -> int:
    """Run the command line and return the exit status: 0, 1 for an error, 2 for a usage error, 130 for Ctrl-C.

    Args:
        words: the arguments; those of the process by default.
    """
    arguments = sys.argv[1:] if words is None else words
    open_closed_streams()
    try:
        arguments = [*map(as_utf8, arguments)]
        if arguments[:2] == ["completion", "suggest"]:  # its argument is a line with options, and not to be parsed
            status = _suggest(arguments[2:])
        else:
            status = run(make_parser().parse_intermixed_args(arguments))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        from oai._cli.output import drop

        drop(sys.stdout)
        return PIPE_CLOSED
    except UsageError as error:
        return _print_error(error, USAGE)
    except Exception as error:  # noqa: BLE001 - every error is reported as one line
        if "--traceback" in arguments:
            import traceback

            traceback.print_exc()
            return FAILED
        return _print_error(error, FAILED)
    return status


def main_and_exit() -> NoReturn:
    """Run the command line of the process and exit; after Ctrl-C, do not wait for threads."""
    enter_utf8_mode()
    status = flush(main())
    if status == INTERRUPTED and threading.active_count() > 1:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def run(options: argparse.Namespace) -> int:
    """Dispatch to the command, or print the version or help."""
    if options.version:
        print(f"oai {__version__}")  # noqa: T201
        return 0
    words: list[str] = options.words
    if options.help and not words:
        print_text(f"{make_parser().format_help()}\n")
        return 0
    if not words or words == ["help"]:
        print_text(SHORT)
        return 0
    command, *rest = words
    if command == "help":
        options.help, (command, *rest), words = True, rest, rest
    if options.help and command in COMMANDS:
        print_text(_help_of(command))
        return 0
    if options.help:
        command, rest = "show", words
    if command in COMMANDS and (options.dry_run or options.get or options.text):
        raise UsageError("--dry-run, --get and --text are only valid for an operation")
    _check_own_options(options, command)
    return _function(command)(options, command, rest)


def _help_of(command: str) -> str:
    """Return the help of a command that is not an operation, with its own options."""
    operands, description = USAGE_OF[command]
    parser = argparse.ArgumentParser(
        usage=f"oai {command} {operands}",
        description=description,
        epilog="`oai --help` shows the other options.",
        add_help=False,
    )
    if command in ADD_OPTIONS:
        ADD_OPTIONS[command](parser)
    return parser.format_help()


def _check_own_options(options: argparse.Namespace, command: str) -> None:
    """Reject the options of other commands."""
    for owner, names in OWN_OPTIONS.items():
        for name in names:
            if command != owner and getattr(options, name) is not None:
                raise UsageError(f"--{name.replace('_', '-')} is only valid for `oai {owner}`")


def _function(command: str) -> Callable[[argparse.Namespace, str, list[str]], int]:
    from importlib import import_module

    module, _, name = COMMANDS.get(command, "call.call").partition(".")
    function: Callable[[argparse.Namespace, str, list[str]], int] = getattr(import_module(f"oai._cli.{module}"), name)
    return function


class _Parser(argparse.ArgumentParser):
    """An argument parser that raises `UsageError` instead of printing and exiting."""

    def error(self, message: str) -> NoReturn:
        option = message.partition("unrecognized arguments: ")[2].partition(" ")[0].partition("=")[0]
        right = nearest(option, [each for action in self._actions for each in action.option_strings]) if option else ""
        hint = f"; did you mean {right!r}?" if right else ""
        raise UsageError(f"{message}{hint} (oai --help)")


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the options, which may appear anywhere on the line."""
    parser = _Parser(
        prog="oai",
        usage="oai [options] OPERATION [name=text | name:=json | name@path | text ...]"
        + "".join(f"\n       oai {command} {operands}" for command, (operands, _) in USAGE_OF.items()),
        description="Call any operation of the OpenAI API from the shell.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--offline", action="store_true", help="invent the response: no key, no network")
    source.add_argument("--replay", metavar="FILE", help="replay the response from a cassette: no key, no network")
    add("--record", metavar="FILE", help="record the exchange to a cassette, if the call succeeds")
    add(
        "--provider",
        metavar="NAME",
        help="call this service instead of OpenAI (default: OAI_PROVIDER; see oai providers)",
    )
    unchecked = "send operations that the provider is not known to have"
    add("--unchecked", action="store_true", help=unchecked)
    add("--base-url", metavar="URL", help="base URL of the API (default: OPENAI_BASE_URL, or OpenAI's)")
    add("--api-key-env", metavar="NAME", help="environment variable with the API key (default: OPENAI_API_KEY)")
    add("--timeout", metavar="SECONDS", type=float, help="timeout of each connect, read and write (default: 600)")
    add("--max-retries", metavar="N", type=int, help="maximum number of retries after a failed attempt (default: 2)")
    add("--table", metavar="FILE", action="append", help="TOML file with additional operations (see also OAI_TABLE)")
    add("--output", "-o", metavar="FILE", help="write the result to a file")
    add("--all", action="store_true", help="print all items of all pages of a list, as JSON lines")
    add("--json", action="store_true", help="print compact JSON, one value per line, also for streams")
    bars = "show progress bars for uploads and downloads (default: if stderr is a terminal and tqdm is installed)"
    add("--progress", action=argparse.BooleanOptionalAction, help=bars)
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--text", action="store_true", help="print only the text of the result")
    view.add_argument(
        "--get", metavar="PATH", help="print a value of the result: choices[0].message.content, data[*].id"
    )
    add(
        "--dry-run",
        action="store_true",
        help="print the request as a curl command, with the key hidden, and send nothing",
    )
    add(
        "--verbose",
        "-v",
        action="store_true",
        help="print the heads of requests and replies to stderr, with keys hidden",
    )
    add("--traceback", action="store_true", help="show the traceback of an error")
    add("--version", action="store_true", help="show the version")
    add("--help", "-h", action="store_true", help="show this help, or an operation's parameters")
    for add_options in ADD_OPTIONS.values():
        add_options(parser)
    return parser


def _suggest(lines: list[str]) -> int:
    """Print the completions of a command line, one on a line."""
    from oai._cli.completion import suggest
    from oai._cli.operations import read_table

    parser = make_parser()
    options = {each: action.nargs is None for action in parser._actions for each in action.option_strings}  # noqa: SLF001
    table = read_table(argparse.Namespace(table=None))
    sys.stdout.write("".join(f"{text}\n" for text in suggest("".join(lines), table, (*COMMANDS, "help"), options)))
    return 0


def _print_error(error: Exception, status: int) -> int:
    """Print an error and return the exit status."""
    print_notice(describe(error))
    return status
