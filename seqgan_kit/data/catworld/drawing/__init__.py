"""Images of the cat world, drawn from scenes."""
