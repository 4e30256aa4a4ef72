"""Commands that make images of sentences."""
