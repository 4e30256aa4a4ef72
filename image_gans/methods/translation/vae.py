"""Variational autoencoder: an encoder learns the posterior of codes, a decoder the likelihood of images
(Kingma, Welling 2014, "Auto-encoding variational Bayes"; with a weight of the divergence Higgins et al.
2017, "beta-VAE").

With q(z|x) = N(mean(x), diag exp(log variance(x))), p(z) = N(0, I), p(x|z) = N(G(z), s^2 I) or, for black and
white pixels, Bernoulli((1 + G(z)) / 2), all in nats:

    log p(x) >= ELBO(x) = E_q[log p(x|z)] - KL(q(z|x) || p(z))
    both minimise  -E_data[E_q[log p(x|z)] - beta KL(q(z|x) || p(z))]
    log p(x) >= log (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x) >= ELBO in the mean, for z_k drawn from q

The last line is the importance-weighted bound (Burda, Grosse, Salakhutdinov 2016). Each update draws one code
per image.

Differs from the paper: DCGAN's convolutions with batch norm in place of one fully connected layer, Adam
in place of Adagrad, and a fixed deviation s of pixels in [-1,1].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor, nn

from image_gans.player_schedule import PlayerTraining, Steps, player_turn, training_phase
from seqgan_kit.core.bounds import Above0, Weight, bounded
from seqgan_kit.core.game import Batch, Game, Loss, Move, Phase
from seqgan_kit.core.gaussian_codes import (
    divergence_from_prior,
    drawn_code,
    evidence_bounds,
    log_weights,
)
from seqgan_kit.data.images.binary import drawn_binary
from seqgan_kit.data.images.image_corpus import ImageCorpus

_LEAST_PROBABILITY = 1e-6  # tanh reaches 1 in float32


@dataclass(frozen=True)
@bounded
class VAEMethod:
    """Settings of the VAE: the decoder's likelihood, beta and the learning rate."""

    likelihood: Literal["normal", "bernoulli"] = "normal"
    """p(x|z). normal: grey or colour pixels. bernoulli: black and white pixels, drawn once from grey images
    with their brightness as the probability of white (static binarisation)."""
    deviation: Above0 = 0.3
    """normal: s, the standard deviation of a pixel around the decoder's output, for pixels in [-1,1]."""
    beta: Weight = 1.0
    """Weight of the divergence of the codes from their prior (1: the ELBO)."""
    steps: Steps = Steps(1e-3)
    """Updates of encoder and decoder."""


def log_normal(x: Tensor, mean: Tensor, deviation: float) -> Tensor:
    """Return log N(x; mean, deviation^2 I) in nats: [...,N,...] -> sums over all but the first axis [N]."""
    terms = ((x - mean) / deviation).square() + math.log(2 * math.pi) + 2 * math.log(deviation)
    return -0.5 * terms.flatten(1).sum(1)


def log_bernoulli(x: Tensor, output: Tensor) -> Tensor:
    """Return log p(x) in nats of pixels that are white (1) with probability (1 + output) / 2, else -1.

    [N,...] twice -> sums over all but the first axis [N].
    """
    white = (0.5 * (1 + output)).clamp(_LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return torch.where(x > 0, white, 1 - white).log().flatten(1).sum(1)


def observed(corpus: ImageCorpus, method: VAEMethod) -> ImageCorpus:
    """Return the images in the form that the likelihood is of."""
    return drawn_binary(corpus) if method.likelihood == "bernoulli" else corpus


class VariationalGame(Game):
    """A game of an encoder that outputs a distribution and a generator that decodes."""

    def __init__(self, encoder: nn.Module, generator: nn.Module, method: VAEMethod):
        super().__init__({"encoder": encoder, "generator": generator})
        self.method = method

    def evidence_loss(self, batch: Batch, move: Move) -> Loss:
        """Return minus the ELBO (with beta), in nats per image."""
        real = batch["real"]
        mean, log_variance = self.players["encoder"](real)
        output = self.players["generator"](drawn_code(mean, log_variance, move.rng))
        likelihood = self.log_likelihood(real, output).mean()
        divergence = divergence_from_prior(mean, log_variance).sum(1).mean()
        total = self.method.beta * divergence - likelihood
        logs = {
            "log_likelihood": likelihood,
            "code_divergence": divergence,
            "elbo": likelihood - divergence,
        }
        return Loss(total, logs)

    def log_likelihood(self, x: Tensor, output: Tensor) -> Tensor:
        """Return log p(x|z) [N] of images, given the decoder's output."""
        if self.method.likelihood == "bernoulli":
            return log_bernoulli(x, output)
        return log_normal(x, output, self.method.deviation)

    @torch.no_grad()
    def bounds(self, x: Tensor, draws: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the ELBO and the importance-weighted bound [N] of images, from several codes per image."""
        mean, log_variance = self.players["encoder"](x)
        weights = []
        for _ in range(draws):
            codes = drawn_code(mean, log_variance, rng)
            likelihood = self.log_likelihood(x, self.players["generator"](codes))
            weights.append(log_weights(likelihood, codes, mean, log_variance))
        return evidence_bounds(torch.stack(weights))

    @torch.no_grad()
    def code_divergence(self, x: Tensor) -> Tensor:
        """Return the mean divergence of each dimension of the code from its prior [d], in nats."""
        mean, log_variance = self.players["encoder"](x)
        return divergence_from_prior(mean, log_variance).mean(0)

    def rebuild(self, x: Tensor) -> Tensor:
        """Return images [N,C,H,W] decoded from their mean codes."""
        return cast(Tensor, self.players["generator"](self.players["encoder"](x)[0]))


def build(encoder: nn.Module, generator: nn.Module, method: VAEMethod) -> VariationalGame:
    """Return the game from its players and settings."""
    return VariationalGame(encoder, generator, method)


def phases(method: VAEMethod, training: PlayerTraining) -> tuple[Phase, ...]:
    """Return one phase that updates encoder and decoder together."""
    turn = player_turn(training, method.steps, "evidence_loss", "encoder", "generator")
    return (training_phase(training, "evidence", turn),)
