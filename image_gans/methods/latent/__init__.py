"""Methods that search or sample the latent space of a trained generator."""
