"""Generators that are made of several networks, and what they read."""
