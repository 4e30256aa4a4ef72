"""A run of a recipe: settings, runtime, command line, progress, interrupts and log."""
