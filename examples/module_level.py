"""Use the module's own client, created on first use.

`oai.api_key` is set like the options below; by default the key is read from OPENAI_API_KEY.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/module_level.py`.
"""

import oai

oai.timeout = 30
oai.default_headers = {"X-Team": "blue"}

answer = oai.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": "Hello"}])
print(answer.choices[0].message.content)
for model in oai.models.list():
    print(model.id)
