"""Kept responses: what `oai.transports.cache` returns again instead of sending.

`digest` decides when two requests are equal, `answers` which responses may be kept, `store` keeps them in SQLite,
`memory` those used last, `flights` lets one of many equal requests be sent at a time, and `replies` are the replies of
the cache.

This room never writes a request, an error or a secret, and opens no connection to a server.
"""
