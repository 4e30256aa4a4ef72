"""Discriminators of token sequences, and fast scoring of their prefixes."""
