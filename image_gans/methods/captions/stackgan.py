"""StackGAN: images from captions (Zhang et al. 2017, "StackGAN: Text to photo-realistic image synthesis with
stacked generative adversarial networks").

With a caption t of image x, its vector phi = phi(t), the vector phi' of another image's caption, z and e
standard normal:

    c = mean(phi) + exp(log variance(phi) / 2) e                          conditioning augmentation
    D minimises  -E[log sigma(s(x, phi))] - E[log(1 - sigma(s(G(z, c), phi)))] / 2
                 - E[log(1 - sigma(s(x, phi')))] / 2
    G minimises  -E[log sigma(s(G(z, c), phi))] + lambda E[KL(N(mean(phi), variance(phi)) || N(0, I))]

With two stages, stage I draws a sketch x0 = G0(z, c0) in this way, by a D of its own and real images reduced
to its size. Then, with G0 fixed, stage II draws x = G(x0, c) with a condition and a D of its own, by the same
losses; it sees the caption again, so it can mend what the sketch got wrong.

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
from functools import partial
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from image_gans.networks.captions.caption_discriminator import (
    CaptionDiscriminator,
    with_vectors,
)
from image_gans.networks.captions.caption_encoder import standardised
from image_gans.networks.captions.caption_painter import CaptionPainter, ConditioningAugmentation
from image_gans.networks.captions.caption_players import CaptionPlayers
from image_gans.networks.captions.caption_refiner import CaptionRefiner, paint_vectors
from image_gans.player_schedule import PlayerTraining, Steps, player_turn, training_phase
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Above0, Share, Weight, bounded
from seqgan_kit.core.game import Batch, Loss, Move, Phase
from seqgan_kit.core.gaussian_codes import divergence_from_prior
from seqgan_kit.core.judging import judged_scores
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.core.products import channels_last
from seqgan_kit.data.images.captioned import CAPTION, CaptionedImages
from seqgan_kit.data.images.corruptions import averaged


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
    sketch_share: Share = 0.5
    """Share of the other epochs in which stage I learns, if there is a stage II (1/2 in the paper)."""
    encoders: Steps = Steps(2e-3)
    """Updates of the encoders of captions and images."""
    generator: Steps = Steps(2e-4)
    """The generators' updates."""
    discriminator: Steps = Steps(2e-4)
    """The discriminators' updates."""


class CaptionGame(AdversarialGame[CaptionPainter | CaptionRefiner]):
    """Encoders of captions and images, and one or two stages of a generator from captions and a
    discriminator of captioned images.

    Args:
        captions: [N,T] rows from which :meth:`sample` draws; the training captions.
        players: encoders, generators and discriminators.
        method: settings.
    """

    def __init__(self, captions: Tensor, players: CaptionPlayers, method: StackGANMethod):
        named = {name: player for name, player in players._asdict().items() if player is not None}
        generator, discriminator = named.pop("generator"), named.pop("discriminator")
        super().__init__(generator, discriminator, non_saturating(), None, (), named)
        self.method = method
        self.register_buffer("captions", captions, persistent=False)

    @property
    def two_stages(self) -> bool:
        """Whether the generator refines the sketches of another."""
        return "sketcher" in self.players

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
        return with_vectors(paint_vectors(self.players, vectors, rng), vectors)

    def sample(self, n: int, *, rng: torch.Generator) -> Tensor:
        """Draw images [n,C,H,W] of captions drawn from the training captions."""
        captions = cast(Tensor, self.captions)
        chosen = torch.randint(len(captions), (n,), generator=rng, device=rng.device)
        vectors = self.told(captions[chosen.to(captions.device)])
        return paint_vectors(self.players, vectors, rng)

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return D's loss on captioned images, fakes, and real images with captions of others."""
        vectors = self.told(batch[CAPTION])
        with torch.no_grad():
            fake = paint_vectors(self.players, vectors, move.rng)
        return self._judged(self._judge, batch["real"], fake, vectors)

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return G's half of the objective plus the KL divergence of its conditions."""
        vectors = self.told(batch[CAPTION])
        fake = paint_vectors(self.players, vectors, move.rng)
        return self._fooling(self._judge, self.generator.augmentation, fake, vectors)

    def sketch_discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the loss of stage I's D, on images reduced to the size of sketches."""
        vectors, sketcher, judge = self._stage_one(batch)
        with torch.no_grad():
            fake = sketcher.paint(vectors, move.rng)
        real = averaged(batch["real"], batch["real"].shape[-1] // fake.shape[-1])
        return self._judged(judge, real, fake, vectors)

    def sketch_generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the loss of stage I's G."""
        vectors, sketcher, judge = self._stage_one(batch)
        fake = sketcher.paint(vectors, move.rng)
        return self._fooling(judge, sketcher.augmentation, fake, vectors)

    def _judged(
        self, judge: CaptionDiscriminator, real: Tensor, fake: Tensor, vectors: Tensor
    ) -> Loss:
        """Return D's loss; the terms of fakes and of mismatched pairs have half the weight each."""
        seen = judge(with_vectors(real, vectors))
        wrong = {"fake": judge(with_vectors(fake, vectors)).score}
        if self.method.mismatched:
            wrong["mismatched"] = judge.compared(seen.features, vectors.roll(1, 0))
        loss = judged_scores(self.objective, seen.score, torch.cat([*wrong.values()]))
        logs = {f"score_gap_{name}": (seen.score - score).mean() for name, score in wrong.items()}
        return Loss(loss.total, {**loss.logs, **logs})

    def _fooling(
        self,
        judge: CaptionDiscriminator,
        augmentation: ConditioningAugmentation,
        fake: Tensor,
        vectors: Tensor,
    ) -> Loss:
        score = judge(with_vectors(fake, vectors)).score
        adversarial = self.objective.generator(score, None).mean()
        divergence = divergence_from_prior(*augmentation.moments(vectors)).mean()
        total = adversarial + self.method.divergence_weight * divergence
        return Loss(total, {"generator_loss": adversarial, "condition_divergence": divergence})

    def _stage_one(self, batch: Batch) -> tuple[Tensor, CaptionPainter, CaptionDiscriminator]:
        """Return the captions' vectors, and G and D of stage I."""
        sketcher, judge = self.players["sketcher"], self.players["sketch_discriminator"]
        vectors = self.told(batch[CAPTION])
        return vectors, cast(CaptionPainter, sketcher), cast(CaptionDiscriminator, judge)

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
    return channels_last(game)


def phases(
    method: StackGANMethod, training: PlayerTraining, two_stages: bool = False
) -> tuple[Phase, ...]:
    """Return the phase of the encoders, then a phase for each stage, in which its D and G take turns."""
    turn = partial(player_turn, training)
    matched, sketched = method.matching_share, method.sketch_share if two_stages else 0.0
    found = [
        training_phase(
            training,
            "matching",
            turn(method.encoders, "matching_loss", "caption_encoder", "image_encoder"),
            share=matched,
        ),
        training_phase(
            training,
            "sketches",
            turn(method.discriminator, "sketch_discriminator_loss", "sketch_discriminator"),
            turn(method.generator, "sketch_generator_loss", "sketcher"),
            share=(1 - matched) * sketched,
        ),
        training_phase(
            training,
            "refinement" if two_stages else "adversarial",
            turn(method.discriminator, "discriminator_loss", "discriminator"),
            turn(method.generator, "generator_loss", "generator"),
            share=(1 - matched) * (1 - sketched),
        ),
    ]
    return tuple(found if two_stages else [found[0], found[2]])
