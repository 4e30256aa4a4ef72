"""What image generators are scored and shown by, and trained image models as files."""
