"""The Responses API: a response, and a second one that continues the conversation.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/responses.py`.
"""

import oai

client = oai.OpenAI()

first = client.responses.create(model="gpt-5", instructions="Talk like a pirate.", input="How deep is the sea?")
print(first.output_text)

second = client.responses.create(model="gpt-5", input="And how wide?", previous_response_id=first.id)
print(second.output_text)
for item in second.output:
    print(item.type, item.id)
