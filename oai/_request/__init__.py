"""Build requests from arguments.

`config` holds the options of a client, `prepare` fills the path, query, headers and body of one call. `query` and
`multipart` are the two encodings besides JSON; `base_url`, `headers` and `hooks` validate the options of those names.

This room is pure except for opening the files that a multipart body sends. It decides nothing about retries.
"""
