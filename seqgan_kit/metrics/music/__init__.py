"""Metrics of tunes in ABC notation, given as tokens."""
