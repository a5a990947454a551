"""Complete a text with the legacy completions API, which compatible servers still support.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/completions.py`.
"""

import oai

client = oai.OpenAI()

answer = client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Once upon a time", max_tokens=40)
print(answer.choices[0].text)

for chunk in client.completions.create(model="gpt-3.5-turbo-instruct", prompt="The sea is", stream=True):
    print(chunk.choices[0].text, end="", flush=True)
print()
