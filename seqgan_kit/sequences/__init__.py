"""Generators, discriminators, estimators and sampling for token sequences."""
