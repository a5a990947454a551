"""Check whether texts violate the policies, and which.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/moderation.py`.
"""

import oai

client = oai.OpenAI()
texts = ["I like cats.", "I will feed the fish."]

checked = client.moderations.create(model="omni-moderation-latest", input=texts)
for text, result in zip(texts, checked.results, strict=True):
    violated = [name for name, flagged in result.categories.to_dict().items() if flagged]
    print(text, "is flagged:" if result.flagged else "is fine", *violated)
