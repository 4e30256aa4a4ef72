"""How often a run's discriminator tells real images from its generator's while both are perturbed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from image_gans.attacks.perturbations import GREY_LEVEL
from image_gans.evaluation.image_export import load_image_model
from image_gans.evaluation.probing.trained_score import trained_score
from image_gans.evaluation.probing.trained_trunk import trained_trunk
from seqgan_kit.core.judging import accuracy
from seqgan_kit.core.techniques.attacked_inputs import AttackedInputs
from seqgan_kit.data.images.load_images import load_images
from seqgan_kit.data.images.pixels import to_float


def discriminator_under_attack(
    run_dir: str | Path,
    epsilons: Sequence[float] = (0, 1, 2, 4, 8),
    *,
    images: int = 500,
    steps: int = 10,
    seed: int = 0,
) -> dict[float, float]:
    """Return the accuracy of a run's D by the strength of the attack.

    Args:
        run_dir: a run whose score is a logit: real above 0.
        epsilons: largest changes of a pixel value, in grey levels of 255.
        images: test images, and as many samples of G.
        steps: gradient steps against D's score.
        seed: of the samples.
    """
    run_dir = Path(run_dir)
    score = trained_score(run_dir)
    real = to_float(load_images(trained_trunk(run_dir).data).test[:images])
    model: Any = load_image_model(run_dir)
    fake = model.images(len(real), seed=seed)
    found = {}
    for epsilon in epsilons:
        attack = AttackedInputs(epsilon * GREY_LEVEL, steps)
        _, worst = attack.worst(lambda a, b: (score(a), score(b)), real, fake)
        with torch.no_grad():
            found[epsilon] = float(accuracy(score(worst[0]), score(worst[1])))
    return found
