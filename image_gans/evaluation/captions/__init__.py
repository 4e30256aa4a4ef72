"""Scores and figures of models that generate images from captions."""
