"""A discriminator whose score comes from a classifier: real means any of the K classes."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from seqgan_kit.core.discriminator import Critique, Discriminator


class ClassifyingDiscriminator(Discriminator):
    """A discriminator with logits l [N,K] of the classes from the trunk's features; score = logsumexp(l).

    This is a softmax over K+1 classes whose last logit, of "fake", is fixed at 0: a constant added to all K+1
    logits would change nothing (Salimans et al. 2016, section 5). Its P(real) is sigmoid(score).
    """

    def __init__(self, trunk: nn.Module, features: int, classes: int):
        super().__init__(trunk, features, score=nn.Linear(features, classes))

    def forward(self, x: Tensor) -> Critique:
        """Score [N], features [N,F] and the head ``classes`` [N,K]."""
        features = self.trunk(x)
        wide = torch.promote_types(features.dtype, torch.float32)
        with torch.autocast(features.device.type, enabled=False):
            logits = cast(Tensor, self.score(features.to(wide)))
        return Critique(logits.logsumexp(1), features, {"classes": logits})
