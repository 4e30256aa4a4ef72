"""Sentence VAEs: bounds of their likelihood and paths between sentences."""
