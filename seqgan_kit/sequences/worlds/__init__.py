"""Distributions of token sequences with known probabilities."""
