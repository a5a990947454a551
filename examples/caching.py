"""Keep responses in a file, so that a program that runs again pays only for what has changed.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/caching.py`.
"""

import os
import tempfile

import oai
from oai.transports import Cache, HTTPTransport, Limiter

offline = os.environ.get("OAI_TRANSPORT") == "offline"
sending = Limiter(oai.OfflineTransport() if offline else HTTPTransport(), in_flight=4)
cache = Cache(sending, os.path.join(tempfile.mkdtemp(), "answers.sqlite"), ttl=3600, ignore=["body.metadata"])
client = oai.OpenAI(transport=cache)

for run in ("first", "second"):
    for question in ("Why is the sky blue?", "Why is the sea blue?"):
        answer = client.responses.create(model="gpt-5", input=question, metadata={"run": run})
        print(run, "cached" if answer._response.cached else "sent", answer.output_text[:60])

messages = [{"role": "user", "content": "Hello"}]
for _ in range(2):
    with client.chat.completions.create(model="gpt-5", messages=messages, stream=True) as stream:
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        print("cached" if stream.response.cached else "sent", text[:60])

info = cache.info()
print(f"{info.hits} hits, {info.misses} misses, {info.entries} responses in {info.bytes} bytes")
cache.close()
