"""Commands that test what a trained network knows and withstands."""
