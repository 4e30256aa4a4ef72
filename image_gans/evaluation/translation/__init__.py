"""Scorers of models that generate images from images."""
