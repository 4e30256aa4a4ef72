"""Tasks of the cat world: targets written from sources, with the exact probability of every target."""
