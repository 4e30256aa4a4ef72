"""Scores over images and features."""
