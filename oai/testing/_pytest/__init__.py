"""The parts of the pytest plugin: cassettes per test, and blocked network access."""
