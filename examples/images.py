"""Generate images, edit one, and create variations of it.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/images.py`.
"""

import base64
import tempfile
import warnings
from pathlib import Path

import oai

client = oai.OpenAI(timeout=600)  # generating images is slow

images = client.images.generate(model="gpt-image-1", prompt="A developer who writes a test", size="1024x1024", n=2)
folder = Path(tempfile.mkdtemp())
for number, image in enumerate(images.data):
    path = folder / f"developer-{number}.png"
    path.write_bytes(base64.b64decode(image.b64_json))
    print(path.name, path.stat().st_size, "bytes")

edited = client.images.edit(model="gpt-image-1", image=path, prompt="The same with a hat")
print(len(edited.data), "edited")
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the operation is deprecated
    varied = client.images.create_variation(image=path, n=3, response_format="b64_json")
print(len(varied.data), "variations")
