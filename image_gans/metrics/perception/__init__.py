"""Feature maps of fixed networks, and distances between images over them."""
