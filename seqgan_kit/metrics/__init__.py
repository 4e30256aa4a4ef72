"""Scores of generated text and what they rest on. The n-gram ones load no torch."""
