"""Let a model call your functions until it is done; types and docstrings describe them.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/tools.py`.
"""

import oai

client = oai.OpenAI()


def weather(city: str, unit: str = "celsius") -> str:
    """Look up the weather.

    Args:
        city: the city, such as "Oslo"
        unit: celsius or fahrenheit
    """
    return f"It is 12 degrees {unit} in {city}, and it rains."


run = client.chat.completions.run_tools(
    model="gpt-5",
    messages=[{"role": "user", "content": "Do I need an umbrella in Oslo?"}],
    tools=[weather],
    max_rounds=5,
)
for message in run.messages[1:]:
    print(message)
print(run.answer.choices[0].message.content)
