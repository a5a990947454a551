"""The command line: `oai OPERATION name=value ...` and its subcommands.

`main` dispatches the command by the options of `parser`; `commands` lists those that are not operations. `call` calls
an operation with the `client` of the options: `arguments` turns words into parameters, `output` prints results,
`readable` selects parts of them, `preview` shows requests, and `progress` draws bars. `operations` prints the table,
`completion` completes a line from it, and `cassette`, `generate`, `map` and `serve` implement the subcommands.
`process` prepares the standard streams and the encoding of file names.

No other room imports this one.
"""
