"""Proxies, client certificates and local addresses with an httpx client of yours. Needs httpx or httpx2.

Run it, no key needed: `python examples/http_client.py`.
"""

import httpx

import oai
from oai.testing import serve

http_client = httpx.Client(
    transport=httpx.HTTPTransport(local_address="127.0.0.1"),  # or proxy="http://...", verify=ssl_context
    event_hooks={"request": [lambda request: print(request.method, request.url.path)]},
)
with (
    serve(oai.OfflineTransport()) as url,  # a local server for this example
    oai.OpenAI(base_url=url, api_key="none", http_client=http_client) as client,
):
    print(client.models.retrieve("gpt-5").id)
print(http_client.is_closed)
