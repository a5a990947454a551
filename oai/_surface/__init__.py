"""Generate methods from rows.

`source` writes the Python source of a method with the row's exact signature; `namespaces` compiles it on first
access and builds the classes behind `client.chat.completions`. `inspect.signature`, `help()` and `TypeError` for a
wrong name therefore come from Python itself.

This room does not know how a call is sent: each method passes its arguments to the core of its client.
"""
