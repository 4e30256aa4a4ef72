"""Control variates of REINFORCE from relaxed tokens: REBAR and RELAX."""
