"""Tokenizers and vocabularies of other libraries."""
