"""``bleu`` and ``self-bleu``."""
