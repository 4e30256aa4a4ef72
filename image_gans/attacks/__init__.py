"""Adversarial examples: perturbed images that a classifier names wrongly."""
