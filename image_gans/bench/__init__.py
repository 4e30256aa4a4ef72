"""``bench image``: time the trainer against hand-written loops."""
