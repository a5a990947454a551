"""Add an endpoint of your own with a few lines in a table: typed and tested like any other.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/own_endpoint.py`.
"""

import tempfile
from pathlib import Path

import oai

table = Path(tempfile.mkdtemp()) / "my.toml"
table.write_text("""
[rerank]
method   = "POST"
path     = "/rerank"
body     = "json"
response = "list[float]"
doc      = "Score documents by their relevance to a query."
params   = { query = "str", documents = "list[str]", top = "int?" }
""")

client = oai.OpenAI(table=table)
print(client.rerank(query="cats", documents=["A kitten", "A car"], top=1))

print(client.post("/undeclared", body={"query": "cats"}, cast_to=dict))  # an operation without a row
