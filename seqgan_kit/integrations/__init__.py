"""Parts of the toolkit inside other libraries' training loops; each needs its own extra."""
