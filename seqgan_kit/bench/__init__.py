"""Every yardstick: the plain ways to do the work, timed beside this package's."""
