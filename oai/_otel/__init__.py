"""Spans and metrics of calls, by OpenTelemetry's semantic conventions for generative AI.

`hooks` is a set of hooks of a client, `attributes` and `content` turn an `Attempt` into attributes. It knows hooks, but
neither clients nor transports. `oai.otel` is its public name.
"""
