"""Corpora of recipes, and the worlds behind them where they are known."""
