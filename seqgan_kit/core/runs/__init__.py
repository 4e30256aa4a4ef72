"""A run: settings, runtime, command line, progress, interrupts, and its log."""
