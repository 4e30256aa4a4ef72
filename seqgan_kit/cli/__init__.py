"""The ``seqgan-kit`` command: ``main`` finds the command, one small file holds each group of them.

Nothing heavy is imported before a command runs, so ``--help``, ``ls`` and ``bleu`` start at once.
"""
