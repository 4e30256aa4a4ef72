"""``bench image``: the trainer beside hand-written loops."""
