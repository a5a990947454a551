"""Measure calls: the model and the tokens of a request before it is sent, and those that the response reports.

Pure, except for the file that processes share. It knows messages, server-sent events and JSON, but no transport, no
table and no client. Hooks, `Limiter` and `Usage` import it when they are used.
"""
