"""Where the official SDK has helpers that are imported by their module: `from oai.lib.beta.agents import ...`."""
