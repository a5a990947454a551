"""Which of some texts is the nearest to a question.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/embeddings.py`.
"""

import oai

client = oai.OpenAI()
texts = ["The cat sleeps on the sofa.", "Interest rates rise again.", "A kitten plays with wool."]
question = "What do cats do?"

answer = client.embeddings.create(model="text-embedding-3-small", input=[question, *texts], dimensions=256)
asked, *others = (each.embedding for each in answer.data)  # arrays of 32-bit floats, numpy's where it is installed


def similarity(one, other):
    """Vectors of the API have length 1, so that their product is the cosine."""
    return sum(a * b for a, b in zip(one, other, strict=True))


for text, vector in sorted(zip(texts, others, strict=True), key=lambda pair: -similarity(asked, pair[1])):
    print(f"{similarity(asked, vector):+.3f}", text)
