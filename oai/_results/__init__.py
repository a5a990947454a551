"""Responses to results.

`answer` decodes a complete response or raises its error, `stream` iterates over the events of one that is still
arriving, `raw` and `streamed` expose the HTTP response itself.

This room reads replies and never sends a request; pages and streams get the function for the next request from the
client.
"""
