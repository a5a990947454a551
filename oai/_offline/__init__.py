"""Invented responses: valid ones for any operation, made from its types.

`sampler` builds a value of any type, `words` and `fill` make it plausible, `from_schema` follows a JSON schema,
`events` builds streams, `tool_calls` calls the tools that a request offers, and `batches` simulates batch jobs.
`answers` picks among them for a request.

This room never needs a network or a key, and records nothing.
"""
