"""WebSocket connections: `client.realtime.connect(...)` and the like.

In the order of a connection's life: `handshake` opens it through the flow, as any request, `wire` is the transport over
the `websockets` library, `connection` has the public classes over the shared logic in `base_connection`, `senders` adds
one method for each event that the client may send, `handlers` calls the functions registered for events, and
`reconnect` decides whether to open a lost connection again.

`websockets` is imported when a connection is opened, and by `wire` alone. Nothing here knows an event by its name: what
may be sent and received comes from the table's rows.
"""
