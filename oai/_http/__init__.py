"""The seam between the flow and the transports, and the parts of HTTP that need no connection.

`messages` declares `Request`, `Reply`, `Headers`, `Timeout` and the transport protocols: all that a transport has to
know. `response` is a reply whose body has been read, `rate_limit` its rate-limit fields, `encodings` undoes content
codings, and `sse` parses server-sent events.

This room opens no connection and knows neither the table nor the types of the API.
"""
