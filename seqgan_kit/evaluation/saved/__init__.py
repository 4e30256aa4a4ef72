"""What the files of a saved text model say of its networks and vocabularies."""
