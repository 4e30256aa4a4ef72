"""A comparison of arms over seeds: its record, charts, tables and page."""
