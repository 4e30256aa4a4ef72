"""Image GANs on the core of seqgan-kit."""
