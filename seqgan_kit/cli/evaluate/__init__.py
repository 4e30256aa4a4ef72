"""``evaluate``."""
