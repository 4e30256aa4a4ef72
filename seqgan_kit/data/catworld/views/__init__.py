"""Exact pairs of images: one scene and one moment of the cat world, shown in two ways."""
