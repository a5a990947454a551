"""Methods that make more than one request: the functions that rows name by `helper`.

A helper is a generator that yields calls (`oai._flow.steps`), so that one source serves sync and async clients. Each
package here has one subject: `agents`, `assistants`, `streaming` (helper streams of chat and responses), `structured`
(schemas, parsing, tool runs), `bulk` (batches, `map`), `uploads`; `polling`, `webhooks` and `sockets` are single
modules.

A helper uses the client through its public methods and `oai._flow.steps`, and knows no transport.
"""
