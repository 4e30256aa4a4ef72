"""Scores over feature vectors: Frechet distance, MAUVE, neighbours, two-sample tests."""
