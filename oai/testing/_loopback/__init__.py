"""The parts of the loopback server: answers, requests and connections."""
