"""Scores of generated text. The n-gram ones (``bleu``, ``ngrams``) load neither torch nor numpy."""
