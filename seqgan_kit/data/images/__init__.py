"""Image corpora: decoding, resizing, and streams that do not fit in memory."""
