"""The answer as HTTP had it: status, headers, request id, limits of the rate, and the object itself.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/raw_response.py`.
"""

import oai

client = oai.OpenAI()

raw = client.chat.completions.with_raw_response.create(model="gpt-5", messages=[{"role": "user", "content": "Hello"}])
print(raw.status_code, raw.headers["content-type"], raw.request_id, raw.retries_taken)
print(f"{raw.elapsed:.3f} seconds")
print(raw.parse().choices[0].message.content)

with client.chat.completions.with_streaming_response.create(
    model="gpt-5", messages=[{"role": "user", "content": "Hello"}], stream=True
) as response:
    for line in response.iter_lines():  # the events as they are on the wire
        print(line)
