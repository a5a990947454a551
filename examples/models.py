"""List the models, and retrieve one.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/models.py`.
"""

import oai

client = oai.OpenAI()

for model in client.models.list():
    print(model.id, "of", model.owned_by)

print(client.models.retrieve("gpt-5"))
