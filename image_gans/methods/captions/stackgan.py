"""StackGAN: images from captions (Zhang et al. 2017, "StackGAN: Text to photo-realistic image synthesis with
stacked generative adversarial networks").

With a caption t of image x, its vector phi = phi(t), the vector phi' of another image's caption, z and e
standard normal:

    c = mean(phi) + exp(log variance(phi) / 2) e                          conditioning augmentation
    D minimises  -E[log sigma(s(x, phi))] - E[log(1 - sigma(s(G(z, c), phi)))] / 2
                 - E[log(1 - sigma(s(x, phi')))] / 2
    G minimises  -E[log sigma(s(G(z, c), phi))] + lambda E[KL(N(mean(phi), variance(phi)) || N(0, I))]

The third term of D, a real image with a wrong caption, makes D look at the caption (Reed et al. 2016,
"Generative adversarial text to image synthesis"). The KL keeps the conditions of similar captions together.

The encoder is trained before, by matching images v and captions t of a batch, with standardised vectors of F
dimensions (so that v't / F is their cosine):

    E  minimises  cross-entropy of the image's own caption among the batch's, and of the caption's own image,
                  by softmax(v't / (F tau)), averaged

and is fixed afterwards.

Differs from the paper, in the preset ``paper`` too: the caption encoder is a GRU trained by this
cross-entropy on the run's own data, in place of a character CNN-RNN that was trained with class labels;
G is DCGAN's (transposed convolutions in place of nearest-neighbour upsampling), and D compares image and
caption at 4x4 places as in the paper, with DCGAN's layers and initialisation before it; the non-saturating G
and the weights 1/2 are those of the authors' code, as is the KL as a mean over dimensions (weight 2; the
paper's text has 1, and a sum); the learning rate follows one of the kit's schedules, and does not halve every
100 epochs; words are lower-cased, and each image has one caption.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from image_gans.networks.captions.caption_discriminator import (
    CaptionDiscriminator,
    with_vectors,
    without_vectors,
)
from image_gans.networks.captions.caption_encoder import standardised
from image_gans.networks.captions.caption_painter import CaptionPainter
from image_gans.networks.captions.caption_players import CaptionPlayers
from image_gans.player_schedule import PlayerTraining, Steps, player_turn, training_phase
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Above0, Share, Weight, bounded
from seqgan_kit.core.game import Batch, Loss, Move, Phase
from seqgan_kit.core.gaussian_codes import divergence_from_prior
from seqgan_kit.core.judging import judged_scores
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.data.images.captioned import CAPTION, CaptionedImages


@dataclass(frozen=True)
@bounded
class StackGANMethod:
    """Settings of StackGAN: weights of the losses and the learning rates."""

    divergence_weight: Weight = 2.0
    """lambda: weight of the KL divergence, a mean over dimensions (2 in the authors' code)."""
    mismatched: bool = True
    """Whether D also learns to reject real images with the caption of another image."""
    temperature: Above0 = 0.1
    """tau: temperature of matching images and captions."""
    matching_share: Share = 0.2
    """Share of the epochs in which the encoders learn to match images and captions."""
    encoders: Steps = Steps(2e-3)
    """Updates of the encoders of captions and images."""
    generator: Steps = Steps(2e-4)
    """G's updates."""
    discriminator: Steps = Steps(2e-4)
    """D's updates."""


class CaptionGame(AdversarialGame[CaptionPainter]):
    """Encoders of captions and images, a generator from captions and a discriminator of captioned images.

    Args:
        captions: [N,T] rows from which :meth:`sample` draws; the training captions.
        players: encoders, generator and discriminator.
        method: settings.
    """

    def __init__(self, captions: Tensor, players: CaptionPlayers, method: StackGANMethod):
        others = {name: getattr(players, name) for name in ("caption_encoder", "image_encoder")}
        generator, discriminator = players.generator, players.discriminator
        super().__init__(generator, discriminator, non_saturating(), None, (), others)
        self.method = method
        self.register_buffer("captions", captions, persistent=False)

    def matching_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the encoders' cross-entropy of finding each image's caption, and each caption's image."""
        told = self.players["caption_encoder"](batch[CAPTION])
        seen = standardised(self.players["image_encoder"](batch["real"]))
        return matching(seen, told, self.method.temperature)

    def told(self, rows: Tensor) -> Tensor:
        """Return the vectors [N,F] of captions [N,T], without gradients."""
        with torch.no_grad():
            return cast(Tensor, self.players["caption_encoder"](rows))

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Return samples [n,C+P,H,W]: images of the batch's captions, and the captions' vectors."""
        rows = batch[CAPTION]
        vectors = self.told(rows[torch.arange(n, device=rows.device) % len(rows)])
        return with_vectors(self.generator.paint(vectors, rng), vectors)

    def sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        """Draw images [n,C,H,W] of captions drawn from the training captions."""
        captions = cast(Tensor, self.captions)
        chosen = torch.randint(len(captions), (n,), generator=rng, device=rng.device)
        return self.generator.paint(self.told(captions[chosen.to(captions.device)]), rng)

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return D's loss on captioned images, fakes, and real images with captions of others."""
        vectors = self.told(batch[CAPTION])
        fake = self.estimator.fakes(self, batch, len(vectors), move)
        real = with_vectors(batch["real"], vectors)
        return self.judge({**batch, "real": real}, fake, move)

    def judge(self, batch: Batch, fake: Tensor, move: Move) -> Loss:
        """Return D's loss; the terms of fakes and of mismatched pairs have half the weight each."""
        seen = self.discriminate(batch["real"])
        wrong = {"fake": self.discriminate(fake).score}
        if self.method.mismatched:
            others = self._vectors(batch["real"]).roll(1, 0)
            wrong["mismatched"] = self._judge.compared(seen.features, others)
        loss = judged_scores(self.objective, seen.score, torch.cat([*wrong.values()]))
        logs = {f"score_gap_{name}": (seen.score - score).mean() for name, score in wrong.items()}
        return Loss(loss.total, {**loss.logs, **logs})

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return G's half of the objective plus the KL divergence of its conditions."""
        drawn = self.draw(len(batch["real"]), batch, move.rng)
        adversarial = self.objective.generator(self.discriminate(drawn).score, None).mean()
        moments = self.generator.augmentation.moments(self._vectors(drawn))
        divergence = divergence_from_prior(*moments).mean()
        total = adversarial + self.method.divergence_weight * divergence
        return Loss(total, {"generator_loss": adversarial, "condition_divergence": divergence})

    def _vectors(self, laid: Tensor) -> Tensor:
        return without_vectors(laid, self._judge.channels, self._judge.vector)[1]

    @property
    def _judge(self) -> CaptionDiscriminator:
        return cast(CaptionDiscriminator, self.discriminator)


def matching(seen: Tensor, told: Tensor, temperature: float) -> Loss:
    """Return the symmetric cross-entropy of matching images and captions by their cosines.

    Args:
        seen, told: [N,F] standardised vectors of images and of their captions.
        temperature: divides the cosines.
    """
    logits = seen @ told.T / (seen.shape[1] * temperature)
    own = torch.arange(len(seen), device=seen.device)
    total = (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)) / 2
    right = (logits.argmax(1) == own).float().mean()
    return Loss(total, {"matching_loss": total, "matching_accuracy": right})


def build(
    captioned: CaptionedImages, players: CaptionPlayers, method: StackGANMethod
) -> CaptionGame:
    """Return the game from its players and settings; samples are of the training captions."""
    rows = captioned.rows(captioned.corpus.train_captions)
    game = CaptionGame(rows, players, method)
    return game.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def phases(method: StackGANMethod, training: PlayerTraining) -> tuple[Phase, ...]:
    """Return the phase of the encoders, then D and G in turns."""
    share = method.matching_share
    encoders = player_turn(
        training, method.encoders, "matching_loss", "caption_encoder", "image_encoder"
    )
    turns = (
        player_turn(training, method.discriminator, "discriminator_loss", "discriminator"),
        player_turn(training, method.generator, "generator_loss", "generator"),
    )
    return (
        training_phase(training, "matching", encoders, share=share),
        training_phase(training, "adversarial", *turns, share=1 - share),
    )
