"""The loopback server that tests send requests to."""
