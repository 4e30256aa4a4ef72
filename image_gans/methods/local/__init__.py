"""Methods whose generator moves a given image."""
