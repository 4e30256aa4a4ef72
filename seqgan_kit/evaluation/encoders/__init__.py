"""Encoders of sentences: a small LSTM, or a HuggingFace model."""
