"""The clients.

`base` and `core` hold everything that sync and async share, `sync_client` and `async_client` the differences.
`table_classes` adds the methods of a table to their classes, `undeclared` sends requests that no row declares,
`default_transport` and `http_client` choose a transport, `module_client` serves `oai.chat.completions.create`, and
`azure` holds the differences of Azure.

This room joins the rooms below. It parses no response and knows no helper.
"""

from oai._support.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "oai._client.async_client": "AsyncClient=AsyncOpenAI AsyncOpenAI",
        "oai._client.sync_client": "Client=OpenAI OpenAI",
        "oai._http.messages": "Timeout Transport",
    },
)
"""The clients, by the names that the official SDK's private module `_client` has for them."""
