"""Tangents of the set of images at given images: learned, simple and true ones."""
