"""Count tokens and costs by operation, model and tag, with a budget that refuses a request before it is exceeded.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/usage.py`.
"""

import os

import oai
from oai.transports import Budget, BudgetExceededError, HTTPTransport, Usage

PRICES = {"currency": "USD", "models": {"gpt-5*": {"input": 1.25, "output": 10.0}}}  # yours; or a TOML file

offline = os.environ.get("OAI_TRANSPORT") == "offline"
usage = Usage(
    oai.OfflineTransport() if offline else HTTPTransport(),
    prices=PRICES,
    budgets=[Budget(cost=1.0), Budget(tokens=500, tag="trial")],
)
client = oai.OpenAI(transport=usage)
client.responses.create(model="gpt-5", input="Hello")
with usage.tag("nightly"):
    messages = [{"role": "user", "content": "Tell me about the sea."}]
    for _ in client.chat.completions.create(model="gpt-5", messages=messages, stream=True):
        pass
with usage.tag("trial"):
    try:
        client.responses.create(model="gpt-5", input="Hello", max_output_tokens=1000)
    except BudgetExceededError as error:
        print(error)
print(usage)
print(usage.metrics())
