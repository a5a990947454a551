"""Configure a client: by arguments, by environment variables, and for single calls.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/configuration.py`.
"""

import os

import oai

client = oai.OpenAI(
    api_key=os.environ.get("OPENAI_API_KEY"),  # the default; can also be a function, called before every attempt
    organization="org-example",
    project="proj-example",
    timeout=oai.Timeout(30, connect=2),  # seconds
    max_retries=4,
    default_headers={"X-Team": "blue"},
)
print(client, client.max_retries)

messages = [{"role": "user", "content": "Hello"}]
patient = client.with_options(max_retries=10, timeout=600)  # shares the connections
print(patient.chat.completions.create(model="gpt-5", messages=messages).choices[0].message.content)

answer = client.chat.completions.create(
    model="gpt-5",
    messages=messages,
    timeout=20,
    extra_headers={"X-Team": None, "X-Trace": "1"},
    extra_body={"a_new_parameter": True},
)
print(answer.model)
