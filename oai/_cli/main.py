"""The command line: `oai OPERATION name=value ...`, and `oai list` and `oai show` to discover operations.

Operations and their parameters come from the table; nothing here names one. This module finds the command, and reports
every error as one line with an exit status. `_cli.parser` parses the options, `_cli.arguments` interprets the words and
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
from oai._cli.commands import COMMANDS
from oai._cli.notices import describe, print_notice
from oai._cli.parser import check_own_options, help_of, make_parser
from oai._cli.process import as_utf8, enter_utf8_mode, flush, open_closed_streams
from oai._cli.terminal import print_text
from oai._version import __version__

FAILED, USAGE, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141
"""Exit statuses; the last two are those that a shell reports for a program ended by SIGINT or SIGPIPE."""

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
        print_text(help_of(command))
        return 0
    if options.help:
        command, rest = "show", words
    if command in COMMANDS and (options.dry_run or options.get or options.text):
        raise UsageError("--dry-run, --get and --text are only valid for an operation")
    check_own_options(options, command)
    return _function(command)(options, command, rest)


def _function(command: str) -> Callable[[argparse.Namespace, str, list[str]], int]:
    from importlib import import_module

    module, _, name = COMMANDS.get(command, "call.call").partition(".")
    function: Callable[[argparse.Namespace, str, list[str]], int] = getattr(import_module(f"oai._cli.{module}"), name)
    return function


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
