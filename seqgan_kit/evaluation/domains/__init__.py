"""What is measured, drawn and rewarded in notations with a meaning of their own: molecules and tunes."""
