"""Large files in parts (`chunked`), and files of vector stores (`vector_stores`), which are sent by the same means."""
