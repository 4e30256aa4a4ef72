"""Text methods whose reward differs from a classifier's score of the whole row."""
