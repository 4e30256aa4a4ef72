"""Methods that generate images from captions."""
