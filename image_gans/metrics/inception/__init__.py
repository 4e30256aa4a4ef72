"""FID, KID and Inception Score: the Inception network that published image scores are computed with."""
