"""What generated text is scored by, and trained text models as files."""
