"""The networks of StyleGAN2: mapping, modulated convolutions, and the residual discriminator."""
