"""Metrics of molecules written as SMILES; they need rdkit (extra ``molecules``)."""
