"""What ``import seqgan_kit as sk`` offers, beside the parts that it passes on from other rooms."""
