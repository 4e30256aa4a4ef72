"""Adversarial training of a discriminator: D learns from samples that are perturbed against it (Liu, Hsieh
2019, "Rob-GAN: generator, discriminator, and adversarial attacker", for real samples; Zhong, Liu, Hsieh 2020,
"Improving the speed and quality of GAN by adversarial training", for real and fake ones).

With scores s, and perturbations |d| of at most epsilon in every number of a sample:

    D minimises  E[max_d f(s(x + d))] + E[max_d g(s(G(z) + d))],    f, g: the objective's two halves

f falls and g rises with the score, so the maximum lowers scores of reals and raises those of fakes. It is
approached by projected steps of the gradient's sign from the sample itself; one step of length epsilon is the
fast gradient sign method. G's loss reads its samples as they are.

Differs from the papers: the direction is that of the score, not of the loss, because a hinge has no gradient
where D is sure; there is no random start, so that an epsilon of 0 changes nothing; Zhong et al. take the
direction from the gradient of D's own update, at no further cost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import frozen
from seqgan_kit.core.game import Loss
from seqgan_kit.core.judging import accuracy, judged_scores
from seqgan_kit.errors import UsageError

Scores = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Reals and fakes to their scores."""
_REACH = 2.5  # Steps together are so many times epsilon long, as in Madry et al. 2018's code.


@dataclass(frozen=True)
class AttackedInputs:
    """Compute D's loss on perturbed samples; the ``judging`` of a game.

    Attributes:
        epsilon: largest change of a number.
        steps: gradient steps.
        lowest, highest: range of the samples.
        measures_only: whether D learns from the samples as they are, and the attack is only logged.
    """

    epsilon: float
    steps: int = 1
    lowest: float = -1.0
    highest: float = 1.0
    measures_only: bool = False

    def __call__(self, game: AdversarialGame, real: Tensor, fake: Tensor) -> Loss:
        """Return the loss; log the accuracy on samples as they are and, as ``robust_``, on perturbed ones."""
        with frozen(game.discriminator):
            clean_scores, attacked = self.worst(game.scores, real, fake)
            if self.measures_only:
                with torch.no_grad():
                    scores = game.scores(*attacked)
        if self.measures_only:
            loss = judged_scores(game.objective, *game.scores(real, fake))
        else:
            scores = game.scores(*attacked)
            loss = judged_scores(game.objective, *scores)
        logs = dict(loss.logs)
        logs["robust_gap"] = (scores[0].mean() - scores[1].mean()).detach()
        decision = game.objective.decision
        if decision is not None and "discriminator_accuracy" in logs:
            logs["robust_accuracy"] = accuracy(*scores, decision)
            logs["discriminator_accuracy"] = accuracy(*clean_scores, decision)
        return Loss(loss.total, logs)

    def enter(self, game: AdversarialGame) -> None:
        """Let D of this game learn from perturbed samples; refuse a game with a loss of D of its own."""
        own = ("discriminator_loss", "judge", "scores")
        if any(getattr(type(game), name) is not getattr(AdversarialGame, name) for name in own):
            raise UsageError(
                "adversarial_epsilon perturbs what D learns from, and D of this method learns from labels, "
                "codes or reconstructions too. Leave out --adversarial-epsilon."
            )
        game.judging = self

    @torch.enable_grad()
    def worst(
        self, scores: Scores, real: Tensor, fake: Tensor
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Return the scores of the samples as they are, and perturbed reals and fakes.

        Args:
            scores: D's.
            real, fake: [N,...] and [M,...] samples.
        """
        origins, step = (real.detach(), fake.detach()), min(1.0, _REACH / self.steps) * self.epsilon
        moved, clean = origins, None
        for _ in range(self.steps):
            inputs = [x.detach().requires_grad_() for x in moved]
            found = scores(*inputs)
            clean = clean or (found[0].detach(), found[1].detach())
            slopes = torch.autograd.grad(found[1].sum() - found[0].sum(), inputs)
            real, fake = (
                self._within(origin, x.detach() + step * slope.sign())
                for origin, x, slope in zip(origins, inputs, slopes, strict=True)
            )
            moved = real, fake
        assert clean is not None
        return clean, moved

    def _within(self, origin: Tensor, x: Tensor) -> Tensor:
        """Return x, brought into the ball around its origin and the range of samples."""
        near = origin + (x - origin).clamp(-self.epsilon, self.epsilon)
        return near.clamp(self.lowest, self.highest)
