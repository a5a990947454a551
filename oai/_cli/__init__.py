"""The command line: `oai OPERATION name=value ...` and its subcommands.

`main` parses the options and dispatches the command, `arguments` turns words into parameters, `output` prints results,
`progress` draws progress bars, `client` creates the client, and `operations` prints the table. `cassette`, `serve`,
`map` and `generate` implement the subcommands.

No other room imports this one.
"""
