"""Where planned runs are trained: processes of this machine, or tasks of a Ray cluster."""
