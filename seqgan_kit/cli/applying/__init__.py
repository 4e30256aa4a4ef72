"""Commands that apply a trained model to the user's own lines and images."""
