"""Requests, read the way a server reads them.

`reading` and `forms` parse a request's body (JSON, multipart), `router` finds the row for a method and path, and
`operations` puts the three together. The offline transport, the fake, the recorder and `oai serve` all use them.

This room produces no answer.
"""
