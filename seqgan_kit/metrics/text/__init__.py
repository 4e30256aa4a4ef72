"""Scores of token sequences: n-grams, BLEU, language models. None loads torch."""
