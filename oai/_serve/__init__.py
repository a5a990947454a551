"""`oai serve`: a local HTTP server in front of any transport.

`server` starts and stops it, `http_server` accepts connections, `connection` reads requests and writes replies, and
`closing` ends connections without losing the last response.

This room listens on loopback by default and keeps no state between requests.
"""
