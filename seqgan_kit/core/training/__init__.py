"""The training loop: gradient steps, position of a run, checkpoints, averages and alarms."""
