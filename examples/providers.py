"""Call services and servers by name, and see what is known of one.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/providers.py`.
"""

import oai
from oai.providers import profile

client = oai.OpenAI(provider="ollama")  # its URL, and its key from its own variable of the environment, if it has one
answer = client.chat.completions.create(model="llama3.2", messages=[{"role": "user", "content": "Hello"}])
print(client.base_url, answer.choices[0].message.content)

try:
    client.files.list()
except oai.UnsupportedOperationError as error:
    print(error)  # nothing was sent

row = profile("groq").row
print(row.doc, row.base_url, row.environment["api_key"], *row.quirks, sep="\n  ")

mine = oai.OpenAI(provider={"like": "vllm", "base_url": "http://localhost:9000/v1"})
print(mine.base_url, mine.models.list().data[0].id)
