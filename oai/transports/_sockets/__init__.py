"""HTTP/1.1 over the standard library's sockets: connections, request heads, responses."""
