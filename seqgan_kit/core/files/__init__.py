"""Readers for files that the program wrote; contents are checked before use."""
