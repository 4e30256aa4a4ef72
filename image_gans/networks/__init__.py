"""Image networks; resolution and channels are parameters."""
