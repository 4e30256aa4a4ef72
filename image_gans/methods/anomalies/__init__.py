"""Methods that learn normal images, to find anomalous ones."""
