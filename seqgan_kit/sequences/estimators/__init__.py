"""Gradient estimators for token generators: REINFORCE, importance weights, Gumbel-softmax."""
