"""Many calls at once: `oai.map`, the Batch API, and the journal that lets a run resume."""
