"""Fused operations that save time or memory."""
