"""Uploads in parts, and files for vector stores."""
