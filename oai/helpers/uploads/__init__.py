"""Large files in parts (`chunked`), and files of vector stores (`vector_stores`), which both read `sources`."""
