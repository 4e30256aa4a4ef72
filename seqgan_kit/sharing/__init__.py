"""Trained models as folders to share, and on the HuggingFace hub."""
