"""The options of the command line: one parser for all commands, whose options may appear anywhere on the line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

from oai._cli.arguments import UsageError
from oai._cli.chat import CHAT_OPTIONS, add_chat_options
from oai._cli.commands import USAGE_OF
from oai._cli.map import MAP_OPTIONS, add_map_options
from oai._cli.serve import SERVE_OPTIONS, add_serve_options
from oai._support.suggest import nearest

OWN_OPTIONS = {"chat": CHAT_OPTIONS, "map": MAP_OPTIONS, "serve": SERVE_OPTIONS}
"""The options that only one command has."""

ADD_OPTIONS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "chat": add_chat_options,
    "map": add_map_options,
    "serve": add_serve_options,
}
"""The functions that add them to a parser."""

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
    _add_request_options(parser)
    _add_output_options(parser)
    for add_options in ADD_OPTIONS.values():
        add_options(parser)
    return parser


def _add_request_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select the service, the credentials and the table."""
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


def _add_output_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select what is printed, and how."""
    add = parser.add_argument
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


def help_of(command: str) -> str:
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


def check_own_options(options: argparse.Namespace, command: str) -> None:
    """Reject the options of other commands."""
    for owner, names in OWN_OPTIONS.items():
        for name in names:
            if command != owner and getattr(options, name) is not None:
                raise UsageError(f"--{name.replace('_', '-')} is only valid for `oai {owner}`")
