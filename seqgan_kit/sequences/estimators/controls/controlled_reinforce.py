"""REINFORCE with a control variate of relaxed tokens: REBAR and RELAX for sequences.

REBAR (Tucker, Mnih, Maddison, Lawson, Sohl-Dickstein 2017, "REBAR: Low-variance, unbiased gradient estimates
for discrete latent variable models"); RELAX (Grathwohl, Choi, Wu, Roeder, Duvenaud 2018, "Backpropagation
through the void: Optimizing control variates for black-box gradient estimation").

    grad J ~ sum_t (Q_t - c_t) grad log p(y_t | y_<t) + grad c(z) - grad c(z~)

y is the hard row that the noise n chooses. z are the keys l(theta) + n with n held fixed, z~(theta) the keys
given y, with the standard variables g held fixed (``conditional_gumbel.py``). The two are tied, as in the
authors' code: they have the same values, and differ in how they depend on the weights theta. So

    grad c(z) - grad c(z~) = -sum_t sum_v (dc / dn_t,v) grad n_t,v(theta)

and no gradient passes through the weights of the relaxed pass. It takes c, its derivative in the noise, and
log-probabilities of the hard row.

- ``rebar`` takes the row as a whole: c = eta R(D(x(n))), one number for all tokens of a row. The relaxed row
  x feeds its own relaxed tokens back into G, so it is smooth in the weights and in the noise. The noise of a
  token is drawn given that token after the hard prefix y_<t.
- ``relax`` takes each token by itself, as RELAX does in reinforcement learning: c_t reads the keys of token t
  and the state after the hard prefix, which counts as given.

Both are unbiased for all values of their parameters. For ``rebar``, the pairs (y, n) have the same law
whichever is drawn first, so sum_y p(y) E[c(x(n)) | y] = E[c(x(n))]; differentiate both sides. For ``relax``,
the same holds for each token given y_<t. The parameters descend the gradient of the estimate's squared
length, whose mean is the variance plus a constant:

    L = 1/B sum_b sum_t || K_t - p_t sum_v K_t,v ||^2,   the squared gradient in the logits of row b
    K_t,v = (Q_t - c_t - b_t) [v = y_t] - (dc / dn_t,v) (dn_t,v / dlog p_t,v)

Differs from the papers: the variance is that of the gradient in the generator's logits (as in the
autoencoders of RELAX), not in its weights, which would take second derivatives of G. It is measured on the
rows of the last update, with new noise. Q_t may be the mean reward of completions. For networks of several
layers, REBAR relaxes what follows a hard prefix, with a pass for each layer; here one pass relaxes the whole
row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.core.estimators import without_dropout
from seqgan_kit.core.game import Batch, Loss, Move, SplitLoss, Turn
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.penalties import twice_differentiable
from seqgan_kit.errors import UsageError, unknown
from seqgan_kit.sequences.estimators.baselines import Baseline, Experience, mean_of_others
from seqgan_kit.sequences.estimators.controls.conditional_gumbel import (
    conditional_noise,
    noise_slopes,
)
from seqgan_kit.sequences.estimators.controls.control_variates import (
    CONTROLS,
    Control,
    Relaxation,
    build_control,
)
from seqgan_kit.sequences.estimators.controls.relaxed_rows import relaxed_rows
from seqgan_kit.sequences.estimators.gumbel import gumbel_noise
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator


@dataclass(frozen=True)
class ControlledReinforce:
    """REINFORCE whose rewards have a control variate, the player ``control``."""

    takes_conditions: ClassVar[bool] = True
    inner: Reinforce
    """The estimator of action values; its baseline is subtracted from what the control leaves."""
    control: Control

    def __post_init__(self) -> None:
        check_control(self.control, self.inner.baseline)
        if self.control == "rebar" and (
            self.inner.reward != "verdict" or not self.inner.mix.weight
        ):
            raise UsageError(
                "the control variate rebar relaxes the discriminator's score, which has no share in this "
                "reward: use the control variate relax or none."
            )

    @property
    def baseline(self) -> Baseline:
        """The inner estimator's baseline."""
        return self.inner.baseline

    def players(self, generator: SequenceGenerator, batch_size: int) -> dict[str, nn.Module]:
        """Return the control, and the rows of the last update, on which it learns."""
        return {
            "control": build_control(self.control, generator),
            "control_experience": Experience(batch_size, generator.length, generator.given),
        }

    def check(self, game: AdversarialGame[SequenceGenerator]) -> None:
        """Raise UsageError if a player cannot read relaxed tokens and the control needs it."""
        if self.control == "rebar":
            check_relaxed_tokens(game)

    def fakes(
        self, game: AdversarialGame[SequenceGenerator], batch: Batch, n: int, move: Move
    ) -> Tensor:
        """See the inner estimator."""
        return self.inner.fakes(game, batch, n, move)

    def generator_loss(
        self, game: AdversarialGame[SequenceGenerator], batch: Batch, move: Move
    ) -> Loss:
        """Return the loss on as many new samples as the batch has real ones."""
        split = self.split(game)
        return split.mean(split.draw(batch, move), move)

    def split(self, game: AdversarialGame[SequenceGenerator]) -> SplitLoss:
        """Return the loss in two steps: samples with their factors, and the mean over samples."""
        return SplitLoss(partial(self._samples, game), partial(_sample_loss, game.generator))

    def _samples(
        self, game: AdversarialGame[SequenceGenerator], batch: Batch, move: Move
    ) -> dict[str, Tensor]:
        """Return sampled rows [B,S+T], their action values [B,T] and factors K [B,T,V]."""
        tokens = game.draw(len(batch["real"]), batch, move.rng)
        values = self.inner.action_values(game, tokens, move.rng)
        cast(Experience, game.players["control_experience"]).remember(tokens, values)
        factors, _ = self.factors(game, tokens, values, move.rng)
        return {"tokens": tokens, "values": values, "factors": factors.detach()}

    def control_loss(self, game: AdversarialGame[SequenceGenerator], move: Move) -> Loss:
        """Return the mean squared length of a row's gradient in the logits, on the last update's rows."""
        rows = cast(Experience, game.players["control_experience"])
        factors, log_probs = self.factors(game, rows.tokens, rows.values, move.rng, learns=True)
        loss = logit_gradients(factors, log_probs).square().sum((1, 2)).mean()
        control = game.players["control"]
        temperature = cast(Tensor, control.log_temperature).detach().exp()
        return Loss(
            loss, {"control_variate_loss": loss, "control_variate_temperature": temperature}
        )

    def factors(
        self,
        game: AdversarialGame[SequenceGenerator],
        tokens: Tensor,
        values: Tensor,
        rng: torch.Generator,
        learns: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Return K [B,T,V], and log p [B,T,V], of rows [B,S+T] with action values [B,T].

        ``learns``: K has a gradient in the control's parameters.
        """
        generator = game.generator
        mask, written = generator.token_mask(tokens), generator.written(tokens)
        with torch.no_grad(), without_dropout(generator):
            hidden = generator.prefix_states(tokens)
            log_probs = generator.project(hidden).log_softmax(-1)
        gumbels = gumbel_noise(tuple(log_probs.shape), rng, log_probs.device).to(log_probs)
        noise = conditional_noise(log_probs, written, gumbels)
        # What follows the end of a row has not been chosen, so its noise is free.
        noise = torch.where(mask.unsqueeze(2), noise, gumbels).requires_grad_()
        with torch.enable_grad():
            relaxed = Relaxation(tokens[:, : generator.given], hidden, log_probs, noise)
            control = game.players["control"](game, relaxed)
            (slopes,) = torch.autograd.grad(control.sum(), noise, create_graph=learns)
        left = values - control
        if self.baseline == "batch":
            left = left - mean_of_others(left.detach(), mask)
        chosen = F.one_hot(written, generator.vocabulary)
        factors = left.unsqueeze(2) * chosen - slopes * noise_slopes(log_probs, written, gumbels)
        return factors * mask.unsqueeze(2), log_probs


def logit_gradients(factors: Tensor, log_probs: Tensor) -> Tensor:
    """Return the gradient [...,V] of sum_v K_v log p_v in the logits: K - p sum_v K_v.

    Args:
        factors: K [...,V], constants.
        log_probs: log p [...,V].
    """
    return factors - log_probs.exp() * factors.sum(-1, keepdim=True)


def check_control(control: str, baseline: str) -> None:
    """Raise UsageError for an unknown control, or one that does not go with the baseline."""
    if control not in CONTROLS:
        raise unknown("control variate", control, CONTROLS)
    if control != "none" and baseline not in ("none", "batch"):
        raise UsageError(
            f"the control variate {control} goes with the baselines none and batch, not with {baseline}: "
            "change one of the two."
        )


def check_relaxed_tokens(game: AdversarialGame[SequenceGenerator]) -> None:
    """Raise UsageError if G or D cannot read soft one-hots with a gradient, by trying one row."""
    generator = game.generator
    weight = generator.output.weight
    noise = weight.new_zeros(1, generator.length, generator.vocabulary).requires_grad_()
    given = torch.zeros(1, generator.given, dtype=torch.int64, device=weight.device)
    name, discriminator = type(generator).__name__, game.discriminator
    try:
        with without_dropout(generator):
            rows = relaxed_rows(generator, noise, 1.0, given)
        name = type(discriminator.trunk).__name__
        # In evaluation mode, trying it changes no state and draws no random numbers.
        with twice_differentiable(discriminator, weight.device), evaluating(discriminator):
            torch.autograd.grad(discriminator(rows).score.sum(), noise)
    except (RuntimeError, TypeError, IndexError, ValueError) as error:
        raise UsageError(
            f"the control variate rebar needs a generator and a discriminator that read relaxed tokens, and "
            f"{name} does not: use the control variate relax or none, or another network."
        ) from error


def control_turn(control: Control, learning_rate: float, moves: int) -> tuple[Turn, ...]:
    """Return the turn after the generator's; the game's ``control_loss`` must return the estimator's."""
    if control == "none":
        return ()
    optimizer = Optimizer(learning_rate)
    return (Turn(("control",), loss="control_loss", optimizer=optimizer, moves=moves, feed=None),)


def _sample_loss(generator: SequenceGenerator, samples: Batch, move: Move) -> Loss:
    """Return -(1/B) sum_b,t,v K log p of some of the samples."""
    tokens, values, factors = samples["tokens"], samples["values"], samples["factors"]
    mask = generator.token_mask(tokens)
    with without_dropout(generator):
        log_probs = generator.logits(tokens).log_softmax(-1)
    chosen = log_probs.detach().gather(2, generator.written(tokens).unsqueeze(2)).squeeze(2)
    loss = -(factors * log_probs).sum() / len(tokens)
    count = mask.sum()
    logs = {"reward": (values * mask).sum() / count, "surprise": -(chosen * mask).sum() / count}
    return Loss(loss, logs, items=len(tokens))
