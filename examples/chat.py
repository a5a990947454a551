"""Ask a model, print the token usage, and continue the conversation.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/chat.py`.
"""

import oai

client = oai.OpenAI()

messages = [
    {"role": "developer", "content": "Answer in one sentence."},
    {"role": "user", "content": "Why is the sky blue?"},
]
answer = client.chat.completions.create(model="gpt-5", messages=messages)
print(answer.choices[0].message.content)
print(answer.usage.total_tokens, "tokens, request", answer._request_id)

messages += [answer.choices[0].message, {"role": "user", "content": "And at sunset?"}]
answer = client.chat.completions.create(model="gpt-5", messages=messages)
print(answer.choices[0].message.content)
