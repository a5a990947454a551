"""`oai serve`: a local HTTP server in front of any transport.

`server` starts and stops it, `http_server` accepts connections, and `connection` reads requests and writes replies.

This room listens on loopback by default and keeps no state between requests.
"""
