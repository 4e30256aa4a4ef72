"""Causal language models of the transformers library as generators; needs the extra ``lm``."""
