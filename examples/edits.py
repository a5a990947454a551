"""Correct a text: with the edits operation of old servers, and with the Responses API.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/edits.py`.
"""

import warnings

import oai

client = oai.OpenAI()
text, instruction = "What day of the wek is it?", "Fix the spelling mistakes."

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the operation is deprecated
    edit = client.edits.create(model="text-davinci-edit-001", input=text, instruction=instruction)
print(edit.choices[0].text)

answer = client.responses.create(model="gpt-5", instructions=instruction, input=text)
print(answer.output_text)
