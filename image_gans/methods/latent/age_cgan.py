r"""Age-cGAN: the same face at another age, by a conditional GAN, an encoder and a search that keeps the
identity (Antipov, Baccouche, Dugelay 2017, "Face aging with conditional generative adversarial networks").

First G and D learn faces x of ages y, as in a conditional GAN. With scores s = logit D:

    D minimises  -E[log sigma(s(x, y))] - E[log(1 - sigma(s(G(z, y), y)))]
    G minimises  -E[log sigma(s(G(z, y), y))]

Then G is fixed, and an encoder E learns from pairs that G makes, while a recogniser R learns the labels of
the training images:

    E minimises  E|z - E(G(z, y))|^2                        z ~ N(0, I), y of the data
    R minimises  the mean cross-entropy of the labels

A face x of age y_0 is made older or younger in three steps, with f the features of R:

    z_0 = E(x),   z* = argmin_z |f(x) - f(G(z, y_0))|^2  by L-BFGS from z_0,   G(z*, y)

Differs from the paper: R is trained here, on the labels of the same images (theirs: OpenFace, trained to tell
people apart on other faces), and also names y_0 where it is not known (theirs: an age estimator); f are the
inputs of its last layers, before any pooling; D joins the age to the features of its trunk (theirs: after its
first convolution, Perarnau et al. 2016), in a layer or, with --judge projection, by an inner product (Miyato
and Koyama 2018); with --mismatch-weight, D also learns that real images with another age are fakes (not in
the paper); the default preset, whose training is short, has both, spectral norm in D, and lets the age set
G's batch norms; E learns from fresh pairs in every batch, with ages as in the data (theirs: 100,000 pairs
drawn once, uniform ages); L-BFGS has a backtracking line search for each image and no bounds (theirs:
L-BFGS-B). The preset ``paper`` has the sizes of the text (64 pixels, DCGAN's networks, 100 epochs, Adam at
2e-4) and the bundled world's three ages (theirs: 120,000 photos in six age groups).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from image_gans.conditional_game import ConditionalGame
from image_gans.metrics.recogniser import Recogniser, RecogniserConfig
from image_gans.metrics.trained_recogniser import label_losses
from image_gans.networks.conditional import ConditionalGenerator
from image_gans.networks.labelled import (
    JoinedScore,
    LabelledDiscriminator,
    feature_count,
    with_labels,
    with_projection,
)
from image_gans.networks.translators.image_encoder import CodeEncoder
from image_gans.schedule import ImageTraining, in_turns
from seqgan_kit.core.bounds import Above0, Share, Size, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.core.game import Batch, Epochs, Loss, Move, Phase, Turn
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.products import channels_last

Judge = Literal["joined", "projection"]


@dataclass(frozen=True)
@bounded
class AgeCGANMethod:
    """Settings of Age-cGAN."""

    judge: Judge = "joined"
    """How D joins image and age: in a layer (Mirza and Osindero 2014), or by projection (Miyato and Koyama
    2018)."""
    joint_width: Size = 240
    """Units of D's layer that joins image and age (joined)."""
    label_smoothing: Share = 0.0
    """Label smoothing: real images get the target 1 minus this."""
    mismatch_weight: Weight = 0.0
    """Weight of real images with another age in D's loss, as fakes (Reed et al. 2016); 0 as in the paper."""
    encoding: Above0 = 1.0
    """Epochs of the encoder and the recogniser, as a multiple of the epochs of G and D."""
    encoder_learning_rate: Above0 = 2e-4
    """Learning rate of the encoder (Adam)."""
    recogniser_learning_rate: Above0 = 1e-3
    """Learning rate of the recogniser (Adam)."""
    recogniser_width: Size = 24
    """Channels of the recogniser's first layers; they double with every halving of the image, up to four
    times this."""


PAPER = ImageTraining(batch_size=64, epochs=100.0)
"""The paper's 100 epochs; its optimizer is DCGAN's."""


def code_distances(codes: Tensor, found: Tensor) -> Tensor:
    """Return |z - E(G(z, y))|^2 [N] of latent vectors [N,d] and what the encoder finds."""
    return (codes - found).square().sum(1)


class AgeGame(ConditionalGame):
    """A conditional GAN, an encoder of its generator, and a recogniser of the images' labels.

    Args:
        generator: G.
        discriminator: D, which is told labels.
        encoder: E, images to latent vectors without labels.
        recogniser: R.
        method: settings.
    """

    def __init__(
        self,
        generator: ConditionalGenerator,
        discriminator: Discriminator,
        encoder: nn.Module,
        recogniser: Recogniser,
        method: AgeCGANMethod,
    ):
        others = {"encoder": encoder, "recogniser": recogniser}
        objective = non_saturating(method.label_smoothing)
        super().__init__(generator, discriminator, objective, None, (), others)
        self.mismatch_weight = method.mismatch_weight

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return D's loss on labelled samples, and on real images with another class of the first label."""
        loss = super().discriminator_loss(batch, move)
        if not self.mismatch_weight:
            return loss
        labels = self.conditions.rows(batch)
        wrong, count = labels.clone(), len(self.conditions.classes[0])
        shift = torch.randint(1, count, (len(labels),), generator=move.rng, device=move.rng.device)
        wrong[:, 0] = (labels[:, 0] + shift.to(labels)) % count
        score = self.discriminate(with_labels(batch["real"], wrong)).score
        mismatched = self.objective.discriminator(score, score)[1].mean()
        total = loss.total + self.mismatch_weight * mismatched
        return Loss(total, {**loss.logs, "mismatched_loss": mismatched})

    def encoder_loss(self, batch: Batch, move: Move) -> Loss:
        """Return E's mean squared distance to the latent vectors of images that G draws."""
        labels = self.conditions.rows(batch)
        with torch.no_grad(), evaluating(self.generator):
            codes = self.generator.noise(len(labels), move.rng)
            images = self.generator(self.generator.join(codes, labels))
        distances = code_distances(codes, self.players["encoder"](images)).mean()
        return Loss(distances, {"code_error": distances / codes.shape[1]})

    def recogniser_loss(self, batch: Batch, move: Move) -> Loss:
        """Return R's cross-entropy, a mean over labels; images without a label do not count for it."""
        loss = label_losses(self.players["recogniser"](batch["real"]), batch).mean()
        return Loss(loss, {"recogniser_loss": loss})


def build(
    generator: ConditionalGenerator,
    discriminator: Discriminator,
    encoder: CodeEncoder,
    label_names: Mapping[str, tuple[str, ...]],
    method: AgeCGANMethod,
) -> AgeGame:
    """Return the game from its players and settings; the recogniser and D's joint layer are made here.

    Args:
        generator: G.
        discriminator: D without labels.
        encoder: E.
        label_names: the classes of each label that R learns, that of G among them.
        method: settings.
    """
    told, shape = generator.config, encoder.config
    recogniser = Recogniser(
        RecogniserConfig(shape.channels, shape.size, dict(label_names), method.recogniser_width)
    )
    if method.judge == "projection":
        labelled = with_projection(discriminator, told.conditions)
    else:
        judge = JoinedScore(
            feature_count(discriminator), told.conditions, told.embedding, method.joint_width
        )
        labelled = LabelledDiscriminator(discriminator, judge, len(told.conditions.names))
    game = AgeGame(generator, labelled, encoder, recogniser, method)
    return channels_last(game)


def phases(method: AgeCGANMethod, training: ImageTraining) -> tuple[Phase, ...]:
    """Return the phase of G and D, and that of the encoder and the recogniser."""
    of_encoder = Optimizer(method.encoder_learning_rate, schedule=training.learning_rate_schedule)
    of_recogniser = Optimizer(
        method.recogniser_learning_rate, schedule=training.learning_rate_schedule
    )
    encoding = Phase(
        "encoding",
        (
            Turn(("encoder",), loss="encoder_loss", optimizer=of_encoder),
            Turn(("recogniser",), loss="recogniser_loss", optimizer=of_recogniser),
        ),
        rounds=Epochs(method.encoding * training.epochs),
        evaluate_every_rounds=training.evaluate_every_rounds or None,
        sample_every_rounds=training.sample_every_rounds,
        save_every_rounds=training.save_every_rounds,
    )
    return (*in_turns(training), encoding)
