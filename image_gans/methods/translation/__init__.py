"""Methods that generate images from images, one file per method."""
