"""The command that opens runs in the browser."""
