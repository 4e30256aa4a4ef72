"""Networks that move a given image."""
