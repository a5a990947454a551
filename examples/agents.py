"""An agent run by the API: sessions, streamed turns, a tool of yours, a typed result, files in and out.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/agents.py`.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import oai
from oai.lib.beta.agents import AgentTurnResultError, function_tool

client = oai.OpenAI()
agents = client.beta.agents


@dataclass
class Report:
    summary: str
    findings: list[str]


@function_tool
def look_up(item: str) -> dict[str, str]:
    """Look up an item of the catalog."""
    return {"item": item, "name": "Notebook"}


with tempfile.TemporaryDirectory() as directory:
    notes = Path(directory, "notes.md")
    notes.write_text("Item A123 sells well.\n")
    prepared = agents.environments.files.prepare({"/workspace/notes.md": notes})

with agents.sessions.create(
    agent={"model": "gpt-5", "tools": [look_up.definition]},
    environment={"type": "openai_hosted", "files": prepared.files},
    input="What do the notes say of which item?",
    output_type=Report,
    tool_handlers={look_up.name: look_up},  # called when the agent requests it
    stream=True,
) as stream:
    result = stream.get_final_result()
print(result.output_parsed)

try:
    with agents.sessions.stream(result.session_id, input="Now in one sentence.") as stream:
        for event in stream.with_result_collection():
            if event.type == "agent.session.turn.output_text.delta":
                print(event.delta, end="", flush=True)
        print("\nwhole:", stream.get_final_result().output_text)
except AgentTurnResultError as error:  # with the reason and the messages so far
    print(error.reason, [message.output_text for message in error.messages])
for file_id in prepared.uploaded_file_ids:
    client.files.delete(file_id)
