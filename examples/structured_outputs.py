"""Parse responses into your types: dataclasses, msgspec structs, TypedDicts, or pydantic models.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/structured_outputs.py`.
"""

from dataclasses import dataclass
from typing import Literal

import oai


@dataclass
class Step:
    explanation: str
    result: str


@dataclass
class Solution:
    steps: list[Step]
    answer: float
    difficulty: Literal["easy", "hard"]


client = oai.OpenAI()

answer = client.chat.completions.parse(
    model="gpt-5",
    messages=[{"role": "user", "content": "Solve 8x + 31 = 2."}],
    response_format=Solution,
)
solution = answer.choices[0].message.parsed
print(solution.answer, solution.difficulty, [step.result for step in solution.steps])

try:
    print(client.responses.parse(model="gpt-5", input="Solve x * x = 2.", text_format=Solution).output_parsed)
except oai.ParseError as error:  # the output is incomplete or does not fit; the error has the completion
    print(error, error.completion)
