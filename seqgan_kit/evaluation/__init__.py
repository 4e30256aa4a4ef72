"""Scores of generated text, and export of trained text models."""
