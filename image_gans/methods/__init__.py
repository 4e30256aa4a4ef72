"""One file per method on images."""
