"""Pairs: a source, and the target that belongs to it."""
