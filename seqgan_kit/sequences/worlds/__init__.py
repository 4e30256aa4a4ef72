"""Worlds whose distribution of token sequences is known."""
