"""Feeds: HuggingFace datasets in, plain in-memory tensors out."""
