"""What all GANs share, independent of tokens and pixels: games, losses, training, runs."""
