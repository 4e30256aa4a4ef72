"""The training loop: gradient steps, where a run stands, checkpoints, averages and alarms."""
