"""Lists come in pages: go through all items, or page by page, or take the first ones.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/pages.py`.
"""

from itertools import islice

import oai

client = oai.OpenAI()

for file in client.files.list(purpose="user_data"):  # asks for the next page when one is at its end
    print(file.id, file.filename)

print([job.id for job in islice(client.fine_tuning.jobs.list(limit=20), 3)])

page = client.files.list(limit=50)
print(len(page.data), "files on the first page")
while page.has_next_page():
    page = page.get_next_page()
    print(len(page.data), "files on the next")
