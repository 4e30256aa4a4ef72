"""FID, KID and Inception Score over the Inception network of published scores."""
