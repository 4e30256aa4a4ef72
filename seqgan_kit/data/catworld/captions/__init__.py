"""Captions of the cat world and their exact probabilities."""
