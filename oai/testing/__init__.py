"""What tests of code that uses `oai` need, and tests of transports; each part in a module of its own."""
