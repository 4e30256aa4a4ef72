"""Methods that make images from images, a file each."""
