"""Load text and images from files, folders and the HuggingFace hub into tensors."""
