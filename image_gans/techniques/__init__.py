"""Techniques that help any image GAN that they fit, as switches."""
