"""``seqgan-kit tune``: search the settings of a recipe."""
