"""Scores with a signature; the n-gram ones need no torch."""
