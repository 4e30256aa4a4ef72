"""Image GANs of today, each with a network of its own."""
