"""The command line: `oai OPERATION name=value ...` and its subcommands.

`main` parses the command and dispatches it, `arguments` turns words into parameters, `output` prints results,
`progress` shows long work, `operations` lists the table, `cassette`, `serve` and `generate` are subcommands of those
names.

Nothing imports this room.
"""
