"""Fused operations that are faster or need less memory."""
