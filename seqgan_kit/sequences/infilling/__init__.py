"""Filling in the blanks of a text."""
