"""Divergences of known laws, standard errors, resampling, frontiers."""
