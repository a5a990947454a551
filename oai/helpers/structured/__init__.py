"""Structured outputs: schemas from Python types, parsed results, function tools, tool runs.

`schemas` turns a type into a JSON schema and text back into a value; `functions` makes tools of types, and of functions
by their `signatures`; `tools` converts lists of tools and finds the one that a call names; `parsed` adds the values to
a result; `parse` and `run_tools` are the client's methods. Nothing here streams.
"""
