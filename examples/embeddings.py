"""Find the text that is most similar to a question.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/embeddings.py`.
"""

import oai

client = oai.OpenAI()
texts = ["The cat sleeps on the sofa.", "Interest rates rise again.", "A kitten plays with wool."]
question = "What do cats do?"

answer = client.embeddings.create(model="text-embedding-3-small", input=[question, *texts], dimensions=256)
target, *others = (each.embedding for each in answer.data)


def similarity(one, other):
    """Return the cosine similarity; the API's vectors have norm 1."""
    return sum(a * b for a, b in zip(one, other, strict=True))


for text, vector in sorted(zip(texts, others, strict=True), key=lambda pair: -similarity(target, pair[1])):
    print(f"{similarity(target, vector):+.3f}", text)
