"""What the machine of a run has: memory before it is allocated, and processors that others use."""
