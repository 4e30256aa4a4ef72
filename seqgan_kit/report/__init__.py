"""report.html and plots from a run directory."""
