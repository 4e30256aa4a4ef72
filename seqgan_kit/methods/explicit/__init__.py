"""Text methods that train with explicit probabilities, or a bound of them."""
