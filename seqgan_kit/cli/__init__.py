"""The seqgan-kit command."""
