"""``seqgan-kit sweep``: train every setting of a space over seeds, on this machine or on Ray."""
