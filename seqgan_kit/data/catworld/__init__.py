"""The cat world: scenes, captions and pictures whose exact distribution is known."""
