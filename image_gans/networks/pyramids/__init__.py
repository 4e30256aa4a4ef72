"""Networks on the levels of a Laplacian pyramid."""
