"""GANs on discrete sequences and on images: one core, one feed, exact metrics.

Importing this package loads no torch; import the room you need, for example
``from seqgan_kit.core.training.trainer import Trainer``.
"""

__version__ = "0.1.0"
