"""Small grammars of molecules and tunes, from which bundled data are drawn."""
