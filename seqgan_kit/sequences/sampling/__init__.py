"""Sampling of tokens, sequences and completions."""
