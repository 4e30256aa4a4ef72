"""Generators, discriminators, sampling and rollouts for token sequences."""
