"""Generators of several levels, and what they read of the row written so far."""
