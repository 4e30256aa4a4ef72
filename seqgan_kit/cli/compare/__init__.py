"""``compare``: plan runs, start and resume them, collect the results."""
