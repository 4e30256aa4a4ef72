"""Implementation of the top-level names of ``import seqgan_kit as sk``."""
