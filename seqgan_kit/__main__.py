"""``python -m seqgan_kit``: the ``seqgan-kit`` command."""

from seqgan_kit.cli.start import entry

if __name__ == "__main__":
    entry()
