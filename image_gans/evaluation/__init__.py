"""Scores and figures of image generators, and export of trained image models."""
