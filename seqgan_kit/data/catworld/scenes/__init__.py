"""Scenes of the cat world and the exact law that draws them."""
