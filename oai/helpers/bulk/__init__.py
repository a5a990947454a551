"""Many calls at once: `oai.map`, the Batch API, and the journals that let a run resume.

`map` calls a function for many rows, and keeps the responses in an `answer_journal`; `batch` queues a client's calls
for the Batch API, whose file formats and journal are in `batch_files`. Nothing here knows an operation by its name,
except those of files and batches, and embeddings, whose inputs the API limits.
"""
