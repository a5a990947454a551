"""`oai chat`: a conversation with a model in the terminal.

Lines are messages; those that begin with `/` are commands. Replies are printed as they arrive. If the standard input is
no terminal, each line of it is a message and only the replies are printed.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import AbstractContextManager, ExitStack, suppress
from typing import TYPE_CHECKING, Any

from oai._cli.arguments import UsageError, parse_arguments
from oai._cli.client import make_client, make_transport
from oai._cli.notices import describe, print_notice
from oai._cli.operations import read_table
from oai._errors import OpenAIError
from oai._support.suggest import nearest

if TYPE_CHECKING:
    from oai._cli.conversation import Conversation

CHAT_OPTIONS = ("system", "tools")
"""The options that only `oai chat` has."""

OPERATION = "chat.completions.create"

SHOWN_MODELS = 10
"""The models that an error lists."""

COMMANDS = {
    "help": ("", "show these commands"),
    "model": ("NAME", "continue with another model; without a name, show the model"),
    "system": ("TEXT", "replace the system message"),
    "file": ("PATH", "add an image, a PDF or a text file to the next message"),
    "save": ("FILE", "save the conversation: as JSON (.json), else as Markdown"),
    "load": ("FILE.json", "continue a conversation saved as JSON"),
    "clear": ("", "start a new conversation"),
    "quit": ("", "leave; so does Ctrl-D"),
}
"""The commands: the argument and the description of each."""

DIM, BOLD, PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"


def add_chat_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `oai chat`."""
    add = parser.add_argument_group("options of `oai chat`").add_argument
    add("--system", metavar="TEXT", help="the system message")
    add("--tools", metavar="MODULE", help="let the model call the functions of a Python module")


def chat(options: argparse.Namespace, _: str, words: list[str]) -> int:
    """Converse until the end of the input; return 1 if a message failed and no person was there to see it."""
    table = read_table(options)
    params = parse_arguments(OPERATION, table[OPERATION], [], words, incomplete=True)
    for name in ("messages", "stream", "tools"):
        if name in params:
            raise UsageError(f"oai chat sets {name} itself; leave it out")
    if options.all or options.output:
        raise UsageError("oai chat prints replies; save the conversation with /save FILE")
    from oai._cli.conversation import Conversation, tools_of

    tools = tools_of(options.tools) if options.tools else None
    with ExitStack() as stack:
        transport = make_transport(options)
        if isinstance(transport, AbstractContextManager):
            stack.enter_context(transport)
        client = stack.enter_context(make_client(options, transport))
        if "model" not in params:
            params["model"] = "none" if options.offline else _only_model(client)
        return Chat(Conversation(client, params, options.system, tools)).run()


def _only_model(client: Any) -> str:
    """Return the model of a server that has one, as local servers do.

    Raises:
        UsageError: there are several.
    """
    names = [model.id for model, _ in zip(client.models.list(), range(SHOWN_MODELS + 1), strict=False)]
    if len(names) == 1:
        return str(names[0])
    shown = ", ".join(names[:SHOWN_MODELS]) + (", ..." if len(names) > SHOWN_MODELS else "")
    raise UsageError(f"oai chat needs a model: oai chat model=NAME; the server has {shown or 'none'}")


class Chat:
    """The dialogue: reads messages and commands, and prints replies."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._interactive = sys.stdin.isatty()
        self._colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def run(self) -> int:
        """Read and answer until the end; return the exit status."""
        failed = False
        if self._interactive:
            self._prepare_editing()
            self._say(f"{self._conversation.params['model']}; /help shows the commands, Ctrl-D leaves")
        while (line := self._read()) is not None:
            text = line.strip()
            if text in ("/quit", "/exit"):
                break
            try:
                if text.startswith("/") and self._interactive:
                    self._command(*text[1:].partition(" ")[::2])
                elif text:
                    self._send(text)
            except (OpenAIError, OSError, UsageError) as error:
                failed = True
                print_notice(describe(error))
        return 1 if failed and not self._interactive else 0

    def _read(self) -> str | None:
        """Return the next message, which continues on the next line after a backslash; `None` at the end."""
        lines: list[str] = []
        while True:
            try:
                line = input(self._prompt("... " if lines else "> ") if self._interactive else "")
            except EOFError:
                if self._interactive:
                    print()  # noqa: T201 - so that the shell's prompt starts on a new line
                return "\n".join(lines) or None
            except KeyboardInterrupt:
                if not self._interactive:
                    raise
                print()  # noqa: T201
                if not lines:
                    return None
                lines = []
                continue
            if not line.endswith("\\"):
                return "\n".join([*lines, line])
            lines.append(line[:-1])

    def _prompt(self, text: str) -> str:
        # Readline must know which characters have no width.
        return f"\x01{BOLD}\x02{text}\x01{PLAIN}\x02" if self._colours else text

    def _prepare_editing(self) -> None:
        """Enable line editing, and completion of commands and paths, if Python has readline."""
        with suppress(ImportError):
            import readline

            readline.set_completer(_complete)
            readline.set_completer_delims(" ")
            readline.parse_and_bind("tab: complete")

    def _send(self, text: str) -> None:
        from oai._cli.reply import PlainReply, WrappedReply

        sys.stdout.flush()
        reply = WrappedReply() if sys.stdout.isatty() else PlainReply()

        def notify(text: str) -> None:
            reply.pause()
            self._say(text)

        try:
            self._conversation.send(text, reply.show, notify)
        except KeyboardInterrupt:
            if not self._interactive:
                raise
            reply.pause()
            self._say("(interrupted)")
        finally:
            reply.end()

    def _say(self, text: str) -> None:
        """Print a notice, other than a reply, to the standard error."""
        print(f"{DIM}{text}{PLAIN}" if self._colours else text, file=sys.stderr, flush=True)  # noqa: T201

    def _command(self, name: str, argument: str) -> None:
        """Run a command.

        Raises:
            UsageError: it is unknown, or lacks its argument.
        """
        argument = argument.strip()
        if name not in COMMANDS:
            right = nearest(name, COMMANDS)
            hint = f"; did you mean /{right}?" if right else ""
            raise UsageError(f"unknown command /{name}{hint} (/help)")
        operand = COMMANDS[name][0]
        if operand and not argument and name != "model":
            raise UsageError(f"/{name} needs {operand}")
        talk = self._conversation
        if name == "help":
            self._say("\n".join(f"  /{f'{each} {takes}':<16}{what}" for each, (takes, what) in COMMANDS.items()))
            self._say("  a backslash at the end of a line continues the message")
            self._say("  Ctrl-C interrupts a reply")
        elif name == "model":
            talk.params["model"] = argument or talk.params["model"]
            self._say(str(talk.params["model"]))
        else:
            actions: dict[str, Any] = {
                "system": talk.set_system,
                "file": talk.attach,
                "save": talk.save,
                "load": talk.load,
                "clear": lambda _: talk.clear(),
            }
            actions[name](argument)
            self._say({"file": "added to the next message", "save": f"saved to {argument}"}.get(name, "done"))


def _complete(text: str, state: int) -> str | None:
    """Return the completion number `state` of a word, for readline: a command, else a path."""
    from glob import glob

    if text.startswith("/") and (found := [f"/{name} " for name in COMMANDS if name.startswith(text[1:])]):
        return found[state] if state < len(found) else None
    paths = sorted(f"{path}/" if os.path.isdir(path) else path for path in glob(f"{os.path.expanduser(text)}*"))
    return paths[state] if state < len(paths) else None
