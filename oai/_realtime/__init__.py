"""WebSocket connections: `client.realtime.connect(...)` and the like.

`handshake` opens a connection through the flow, as any request, `wire` is the transport over the `websockets` library,
`connection` sends and receives typed events, `senders` gives it the methods of its row's events, `handlers` calls the
functions registered for events, and `reconnect` decides when to open it again.

`websockets` is imported when a connection is opened, and by nothing else in the package.
"""
