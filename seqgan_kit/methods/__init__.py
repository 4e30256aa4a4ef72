"""One file per method on discrete sequences."""
