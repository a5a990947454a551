"""Iterate over all items of a list, over its pages, or over the first items.

Run it with a key, or without one: `OAI_TRANSPORT=offline python examples/pages.py`.
"""

from itertools import islice

import oai

client = oai.OpenAI()

for file in client.files.list(purpose="user_data"):  # fetches further pages as needed
    print(file.id, file.filename)

print([job.id for job in islice(client.fine_tuning.jobs.list(limit=20), 3)])

page = client.files.list(limit=50)
print(len(page.data), "files on the first page")
while page.has_next_page():
    page = page.get_next_page()
    print(len(page.data), "files on the next page")
