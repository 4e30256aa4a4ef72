"""Text corpora: tokenizers, encoding, and streams that do not fit in memory."""
