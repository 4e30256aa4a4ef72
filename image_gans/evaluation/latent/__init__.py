"""How well methods edit images, and draw images of a condition, in the latent space of a generator."""
