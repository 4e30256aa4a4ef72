"""How well classifiers withstand attacks."""
