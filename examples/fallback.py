"""Send to a second provider when the first one fails, and see which one was used.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/fallback.py`.
"""

import os

import oai
from oai.transports import Balancer, Fail, FailingTransport, Fallback, HTTPTransport, Target

offline = os.environ.get("OAI_TRANSPORT") == "offline"


def sending():
    return oai.OfflineTransport() if offline else HTTPTransport()


first = FailingTransport(sending(), Fail(429, first=1, retry_after=60))  # the failure is simulated
targets = [
    Target(first, name="first"),
    Target(
        sending(),
        name="second",
        provider="openrouter",  # its URL, and its key, from OPENROUTER_API_KEY
        models={"gpt-5": "openai/gpt-5"},
        in_flight=8,
    ),
]
with oai.OpenAI(transport=Fallback(targets), max_retries=0) as client:
    answer = client.responses.create(model="gpt-5", input="Hello")
    response = answer._response
    print("used", response.target, "after", response.headers["oai-target-failures"])
    stream = client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "Hello"}], stream=True)
    print("used", stream.response.target, "".join(chunk.choices[0].delta.content or "" for chunk in stream)[:60])

balancer = Balancer([Target(sending(), name="large", weight=3), Target(sending(), name="small")], seed=1)
client = oai.OpenAI(transport=balancer)
for _ in range(20):
    client.embeddings.create(model="text-embedding-3-small", input="sea")
print({target.name: target.requests for target in balancer.info()})
