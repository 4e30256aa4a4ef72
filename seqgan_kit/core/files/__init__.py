"""Files that the program reads back, checked before anything of them is used."""
