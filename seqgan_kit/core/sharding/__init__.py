"""Players whose parameters are divided among the processes of a run."""
