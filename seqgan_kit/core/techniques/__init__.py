"""Techniques that any game may use: packing, unrolling, noise, histories, feature matching."""
