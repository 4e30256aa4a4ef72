"""Sources of rows (files, folders, hub datasets), their splits, and streams."""
