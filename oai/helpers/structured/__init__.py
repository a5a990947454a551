"""Structured outputs: schemas from Python types, parsed results, function tools, tool runs.

`schemas` turns a type into a JSON schema and text back into a value; `functions` makes tools of functions and types;
`parsed` adds the values to a result; `parse` and `run_tools` are the client's methods. Nothing here streams.
"""
