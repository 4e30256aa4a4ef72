"""Settings of attacks in grey levels, and the attacks that they describe."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from image_gans.attacks.gradient_attacks import pgd
from image_gans.attacks.perturbations import GREY_LEVEL, Norm
from seqgan_kit.core.bounds import Above0, Positive, Weight, bounded
from seqgan_kit.core.techniques.virtual_adversary import Logits, smoothness_loss, virtual_direction


@dataclass(frozen=True)
@bounded
class GradientAttack:
    """Projected gradient steps from a random start; 1 step of share 1 is close to FGSM."""

    norm: Norm = "linf"
    """The norm that limits a perturbation: linf (every pixel value) or l2 (the length of all)."""
    epsilon: Weight = 8.0
    """The largest perturbation in grey levels of 255 (8 is common with linf, 128 with l2)."""
    steps: Positive = 7
    """Gradient steps (7 to train and 20 to test in Madry et al.)."""
    step_share: Above0 = 0.25
    """Length of a step, as a share of epsilon (2 of 8 grey levels in Madry et al.)."""

    def perturb(
        self, logits: Logits, x: Tensor, labels: Tensor, rng: torch.Generator | None
    ) -> Tensor:
        """Return attacked images [N,C,H,W]; without a generator they start at ``x``."""
        epsilon = self.epsilon * GREY_LEVEL
        return pgd(
            logits, x, labels,
            epsilon=epsilon, step=self.step_share * epsilon, steps=self.steps, norm=self.norm, rng=rng,
        )  # fmt: skip


@dataclass(frozen=True)
@bounded
class VirtualAttack:
    """Virtual adversarial perturbations of L2 norm epsilon."""

    virtual_epsilon: Weight = 128.0
    """Length of a virtual adversarial perturbation, in grey levels of 255."""
    power_steps: Positive = 1
    """Power iterations that look for its direction (1 in the paper)."""
    difference: Above0 = 0.01
    """xi: length of the vector whose gradient a power iteration takes, in units of pixels in [-1,1]."""
    virtual_weight: Weight = 1.0
    """Weight of the virtual adversarial loss (1 in the paper)."""

    def loss(self, logits: Logits, x: Tensor, rng: torch.Generator) -> Tensor:
        """Return the mean divergence between predictions of ``x`` and of the perturbed ``x``."""
        direction = virtual_direction(
            logits, x, rng, power_steps=self.power_steps, difference=self.difference
        )
        length = self.virtual_epsilon * GREY_LEVEL
        return smoothness_loss(logits, x, length * direction).mean()
