"""Random transformations of images that D sees."""
