"""Run the tests of packages that use the official SDK, with it and with `oai.as_openai`, and compare the results."""
