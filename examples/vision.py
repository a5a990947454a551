"""Ask about images: one on the web, and one of your own.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/vision.py`.
"""

import base64
import tempfile
from pathlib import Path

import oai

client = oai.OpenAI()

answer = client.responses.create(
    model="gpt-5",
    input=[
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is in this image?"},
                {"type": "input_image", "image_url": "https://example.com/cat.png", "detail": "low"},
            ],
        }
    ],
)
print(answer.output_text)

path = Path(tempfile.mkdtemp()) / "dot.png"  # an image for this example
path.write_bytes(base64.b64decode(client.images.generate(model="gpt-image-1", prompt="A dot").data[0].b64_json))
image = f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
content = [{"type": "text", "text": "And in mine?"}, {"type": "image_url", "image_url": {"url": image}}]
chat = client.chat.completions.create(model="gpt-5", messages=[{"role": "user", "content": content}])
print(chat.choices[0].message.content)
