"""The cases of the conformance suite, a module per subject."""
