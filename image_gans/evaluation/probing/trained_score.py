"""The score of a run's discriminator, as a function of images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

from torch import Tensor, nn

from image_gans.evaluation.probing.trained_trunk import trained_trunk
from seqgan_kit.errors import UsageError


def trained_score(run_dir: Path) -> Callable[[Tensor], Tensor]:
    """Return the function from images [N,C,H,W] to the scores [N] of a run's discriminator.

    Raises:
        UsageError: the run has no discriminator that reads one image, or its score is no linear layer.
        CheckpointError: there is no checkpoint that can be read.
    """
    trained = trained_trunk(run_dir)
    weight, bias = (trained.weights.get(f"score.{name}") for name in ("weight", "bias"))
    if weight is None or bias is None:
        raise UsageError(
            f"the score of {run_dir}'s discriminator is not a plain linear layer, so it cannot judge edits: "
            "give a run of dcgan, lsgan or another GAN without spectral norm, or leave out --realism."
        )
    head = nn.Linear(weight.shape[1], weight.shape[0])
    head.load_state_dict({"weight": weight, "bias": bias})
    head.eval().requires_grad_(False)
    trunk = trained.trunk
    return lambda images: cast(Tensor, head(trunk(images)).flatten())
