"""Execute tool calls and send their results, step by step.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/tools_by_hand.py`.
"""

import json

import oai

client = oai.OpenAI()


def multiply(a: float, b: float) -> float:
    """Multiply two numbers."""
    return a * b


messages = [{"role": "user", "content": "What is 12.5 times 7?"}]
tools = [oai.function_tool(multiply)]
answer = client.chat.completions.parse(model="gpt-5", messages=messages, tools=tools)
message = answer.choices[0].message
messages.append(message)
for call in message.tool_calls or []:
    arguments = call.function.parsed_arguments
    print("called:", call.function.name, arguments)
    messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(multiply(**arguments))})

answer = client.chat.completions.create(model="gpt-5", messages=messages, tools=tools)
print(answer.choices[0].message.content)
