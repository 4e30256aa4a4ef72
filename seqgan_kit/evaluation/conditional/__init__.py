"""Conditional text models: their outputs, and scores of these outputs."""
