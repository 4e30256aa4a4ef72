"""Layers and blocks that image networks share."""
