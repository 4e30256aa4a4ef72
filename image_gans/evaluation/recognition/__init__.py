"""Scores of methods that name what an image shows."""
