"""`oai serve`: any transport behind a local HTTP server.

`http_server` accepts connections, `connection` reads requests and writes replies, and `server` answers them over the
transport it is started with.

This room listens on loopback only and keeps no state between requests.
"""
