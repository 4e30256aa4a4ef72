"""Drawing tokens, sequences and completions."""
