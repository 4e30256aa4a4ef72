"""Classifiers that withstand small changes of their input."""
