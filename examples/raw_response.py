"""Access the HTTP response: status, headers, request id, rate limits, and the parsed object.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/raw_response.py`.
"""

import oai

client = oai.OpenAI()

raw = client.chat.completions.with_raw_response.create(model="gpt-5", messages=[{"role": "user", "content": "Hello"}])
print(raw.status_code, raw.headers["content-type"], raw.request_id, raw.retries_taken)
print(f"{raw.elapsed.total_seconds():.3f} seconds")
print(raw.parse().choices[0].message.content)

with client.chat.completions.with_streaming_response.create(
    model="gpt-5", messages=[{"role": "user", "content": "Hello"}], stream=True
) as response:
    for line in response.iter_lines():  # the unparsed lines of the event stream
        print(line)
