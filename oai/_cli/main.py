"""The command line: `oai OPERATION name=value ...`, and `oai list` and `oai show` to find out what there is.

Operations and their parameters come from the table; nothing here names one. This module reads options, finds the
operation, and turns whatever goes wrong into one line and an exit status. What words mean is `_cli.arguments`'
business and what is printed `_cli.output`'s. Only what a command needs is imported, since people wait for it.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import TYPE_CHECKING, Any, NoReturn, cast

from oai._cli.arguments import UsageError, parse_arguments
from oai._cli.cassette import cassette
from oai._cli.generate import import_document, write_stubs
from oai._cli.operations import Commands, find_names, list_operations, read_table, show_operation
from oai._cli.serve import add_serve_options, check_serve_options, serve
from oai._errors import OpenAIError
from oai._support.redact import redact_text
from oai._version import __version__

if TYPE_CHECKING:
    from oai._http.messages import Transport
    from oai._table.rows import Row

FAILED, USAGE, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141
"""Exit statuses; the last two are what a shell reports for a program that SIGINT or SIGPIPE has ended."""

USAGE_OF = {
    "list": ("[WORD ...]", "Show the operations in which all the words occur."),
    "show": ("OPERATION", "Show what an operation does, takes and answers."),
    "import": ("DOCUMENT", "Write a table, and the types beside it, for a server that an OpenAPI document describes."),
    "stubs": ("TABLE ...", "Write a module that type checkers know the calls of your tables from."),
    "serve": ("[--cassette FILE | --offline | --fake MODULE:NAME]", "Answer clients of any kind on this machine."),
    "cassette": (
        "check PATH ... | show PATH ... | import OLD NEW",
        "Look for secrets in cassettes, show what is in them, or make one of vcrpy's.",
    ),
}
"""Of each word that is no operation what follows it, and what it does."""

EXAMPLES = """\
arguments:
  name=text          a parameter; where its type is a number or true/false it is converted
  name:=json         a parameter as JSON, such as temperature:=0.2 or stop:='["a", "b"]'
  name@path          a file to upload; name@- uploads the standard input
  name=@path         the text of a file; name:=@path its JSON; - is the standard input
  name[0].key=text   a value within a parameter; name[]=text appends to a list
  name==text         a query parameter that the table does not declare
  text               the next parameter of the path

examples:
  oai --offline chat.completions.create model=gpt-5 messages:='[{"role": "user", "content": "Hello"}]'
  oai responses.create model=gpt-5 input='Tell me a story.' stream:=true
  oai files.create file@notes.txt purpose=user_data
  oai --all files.list | head -3
  oai --output hello.mp3 audio.speech.create model=tts-1 voice=alloy input=Hello
  oai uploads.upload_file_chunked file@big.jsonl mime_type=text/jsonl purpose=batch journal=big.journal
  oai batches.poll BATCH_ID deadline=3600
  oai list chat                      the operations about chats
  oai show chat.completions.create   its parameters
  oai --table my.toml rerank query=cats documents:='["a", "b"]'    an operation of your own
  oai --output my.toml import openapi.json                         a table for a server that describes itself
  oai --output my_api.py stubs my.toml                             a module that type checkers know its calls from
  oai serve --cassette chat.cassette                               a local server for clients of any kind

The key is read from OPENAI_API_KEY (see --api-key-env), and never from the command line.
"""


def main(words: list[str] | None = None) -> int:
    """Run the command line and return the exit status: 0, 1 for an error, 2 for one of usage, 130 for Ctrl-C.

    Args:
        words: the arguments; those of the process unless given.
    """
    arguments = sys.argv[1:] if words is None else words
    try:
        arguments = [*map(_as_utf8, arguments)]
        options = make_parser().parse_intermixed_args(arguments)
        status = run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        from oai._cli.output import drop

        drop(sys.stdout)
        return PIPE_CLOSED
    except UsageError as error:
        return _print_error(error, USAGE)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is said in a line
        if "--traceback" in arguments:
            import traceback

            traceback.print_exc()
            return FAILED
        return _print_error(error, FAILED)
    return status


def main_and_exit() -> NoReturn:
    """Run the command line of the process and exit; after Ctrl-C without waiting for threads."""
    status = main()
    if status == INTERRUPTED and threading.active_count() > 1:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def run(options: argparse.Namespace) -> int:
    """Do what the options say."""
    if options.version:
        print(f"oai {__version__}")  # noqa: T201
        return 0
    words: list[str] = options.words
    if options.help and not words:
        print(make_parser().format_help())  # noqa: T201
        return 0
    if not words:
        raise UsageError("there is no operation: `oai list` shows them all, `oai --help` how to call them")
    command, *rest = words
    if options.help and command in COMMANDS:
        operands, does = USAGE_OF[command]
        print(f"usage: oai {command} {operands}\n\n{does} `oai --help` shows the options.")  # noqa: T201
        return 0
    if options.help:
        command, rest = "show", words
    if command != "serve":
        check_serve_options(options)
    return COMMANDS.get(command, call)(options, command, rest)


def _as_utf8(word: str) -> str:
    """Return an argument as it was typed, where Python took its bytes for something else, as in the locale `C`."""
    with suppress(UnicodeEncodeError):
        word.encode()
        return word
    try:
        return os.fsencode(word).decode()
    except UnicodeError:
        raise UsageError(f"the argument {word!a} is not UTF-8") from None


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are ours to print."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (oai --help)")


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the options, which may stand anywhere on the line."""
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
    source.add_argument("--offline", action="store_true", help="answer with made-up data: no key, no network")
    source.add_argument("--replay", metavar="FILE", help="answer from a cassette: no key, no network")
    add("--record", metavar="FILE", help="write what is sent and answered to a cassette, if the call succeeds")
    add("--base-url", metavar="URL", help="where the paths begin (OPENAI_BASE_URL)")
    add("--api-key-env", metavar="NAME", help="the environment variable that holds the key (OPENAI_API_KEY)")
    add("--timeout", metavar="SECONDS", type=float, help="how long each single wait may take")
    add("--max-retries", metavar="N", type=int, help="how often a failed attempt is repeated (2)")
    add("--table", metavar="FILE", action="append", help="a TOML file of further operations (OAI_TABLE)")
    add("--output", "-o", metavar="FILE", help="write the answer to a file")
    add("--all", action="store_true", help="all items of all pages of a list, as JSON lines")
    add("--json", action="store_true", help="JSON only, one value on a line, streams included")
    bars = "bars for uploads and binary answers (where the standard error is a terminal and tqdm is installed)"
    add("--progress", action=argparse.BooleanOptionalAction, help=bars)
    add("--traceback", action="store_true", help="show where an error comes from")
    add("--version", action="store_true", help="show the version")
    add("--help", "-h", action="store_true", help="show this, or the operation's parameters")
    add_serve_options(parser)
    return parser


def _chosen(table: Commands, word: str, words: list[str]) -> tuple[str, list[str]]:
    """Return operation and positional parameters; of an alias of two, the one that takes as many as are given."""
    names = find_names(table, word)
    if word in table:
        return word, table.positional(word)
    forms = dict(table.aliases[word])
    given = sum("=" not in each for each in words)
    return min(((name, forms[name]) for name in names), key=lambda form: abs(len(form[1]) - given))


def call(options: argparse.Namespace, command: str, words: list[str]) -> int:
    """Call an operation and print what it answers."""
    table = read_table(options)
    name, positional = _chosen(table, command, words)
    row = table[name]
    arguments = parse_arguments(name, row, positional, words)
    from operator import attrgetter

    from oai._cli.output import Output
    from oai._cli.progress import Whole, shows_bars
    from oai._results.stream import Stream

    output = Output(options.output, json=options.json)
    _check_output(name, row, options, output)
    with ExitStack() as stack:
        metered = shows_bars(options.progress, row)
        if metered and table.takes(name, "progress"):
            metered, arguments["progress"] = False, stack.enter_context(Whole())
        transport = make_transport(options, metered=metered)
        if isinstance(transport, AbstractContextManager):
            stack.enter_context(transport)
        client = stack.enter_context(_client(options, transport))
        result: Any = _called(attrgetter(name)(client), row, arguments)
        if options.all:
            output.write_items(result)
        elif isinstance(result, Stream):
            stack.callback(result.close)
            if not output.write_events(cast("Any", result)):
                _print_notice("the stream had no text; --json shows its events")
        else:
            output.write(result)
    return 0


def _called(function: Callable[..., Any], row: Row, arguments: dict[str, Any]) -> Any:
    """Call the operation's function; that it is deprecated is said in our way, and not in Python's."""
    import warnings

    with warnings.catch_warnings():
        if row.deprecated:
            _print_notice(f"{function.__qualname__} is deprecated: {row.deprecated}")
            warnings.simplefilter("ignore", DeprecationWarning)
        return function(**arguments)


def _check_output(name: str, row: Row, options: argparse.Namespace, output: Any) -> None:
    """Refuse before anything is sent, and paid for, what could not be shown afterwards."""
    if row.response == "bytes" and not output.takes_bytes:
        raise UsageError(f"{name} answers bytes, which are not for a terminal; use --output FILE, or a pipe")
    if options.all and "Page[" not in row.response:
        raise UsageError(f"{name} answers {row.response} and no pages, so there is nothing for --all")
    if options.output is not None:
        from oai._support.atomic_files import check_writable

        check_writable(options.output)


def make_transport(options: argparse.Namespace, *, metered: bool = False) -> Transport | None:
    """Make the transport that the options ask for, nothing for the usual one unless it is to show bars."""
    if options.replay and options.record:
        raise UsageError("--replay and --record exclude each other")
    transport: Transport | None = None
    if options.offline:
        from oai.transports.offline import OfflineTransport

        transport = OfflineTransport()
    elif metered and not options.replay:
        from oai._cli.progress import MeteredTransport

        transport = MeteredTransport()
    if options.record or options.replay:
        from oai.transports.recorder import Recorder

        if options.record:
            return Recorder(options.record, transport, mode="record")
        return Recorder(options.replay, mode="replay")
    return transport


def _client(options: argparse.Namespace, transport: Transport | None) -> Any:
    """Make the client; what the options do not say it finds in the environment."""
    from oai._client.sync_client import OpenAI

    given: dict[str, Any] = {"transport": transport, "base_url": options.base_url, "table": options.table}
    for name in ("timeout", "max_retries"):
        if getattr(options, name) is not None:
            given[name] = getattr(options, name)
    if options.api_key_env:
        given["api_key"] = os.environ.get(options.api_key_env)
        if not given["api_key"]:
            raise UsageError(f"--api-key-env: the environment variable {options.api_key_env} is not set")
    try:
        return OpenAI(**given)
    except OpenAIError as error:
        if "no API key" in str(error):
            raise OpenAIError(
                "there is no API key: set OPENAI_API_KEY (OPENAI_ADMIN_KEY for admin operations), or name another "
                "variable with --api-key-env; --offline answers with made-up data"
            ) from None
        raise


COMMANDS: dict[str, Callable[[argparse.Namespace, str, list[str]], int]] = {
    "cassette": cassette,
    "import": import_document,
    "list": list_operations,
    "serve": serve,
    "show": show_operation,
    "stubs": write_stubs,
}
"""What a first word means that is no operation."""


def _print_notice(message: str) -> None:
    """Print a notice to the standard error."""
    print(f"oai: {message}", file=sys.stderr)  # noqa: T201


def _print_error(error: Exception, status: int) -> int:
    """Print an error as one line, with secrets redacted, and return the exit status."""
    text = str(error)
    if isinstance(error, AssertionError) and (missed := getattr(error, "missed", None)):
        text = f"{missed}\n--record FILE records anew"
    elif isinstance(error, OSError) and error.strerror:
        text = error.strerror if error.filename is None else f"{error.filename or repr('')}: {error.strerror}"
    elif not isinstance(error, (OpenAIError, OSError, ValueError, AssertionError)):
        text = f"{type(error).__name__}: {text} (--traceback shows where)"
    request_id = getattr(error, "request_id", None)
    if request_id:
        text += f" (request id {request_id})"
    _print_notice(redact_text("; ".join(line.strip() for line in text.splitlines() if line.strip())))
    return status
