"""CVAE-GAN: an encoder and a generator that are told the class, with means of a discriminator's and of a
classifier's features to match (Bao, Chen, Wen, Li, Hua 2017, "CVAE-GAN: Fine-grained image generation through
asymmetric training").

With images x of labels y, z ~ q(z|x,y) of an encoder E, z_p ~ N(0, I), x_f = G(z, y), x_p = G(z_p, y),
features f_D and f_C of a discriminator D with score s and of a classifier C, and E_y the mean over a class:

    D minimises  -E[log sigma(s(x))] - E[log(1 - sigma(s(x_f)))] - E[log(1 - sigma(s(x_p)))]
    C minimises  -E[log C(y|x)]
    L_KL = KL(q(z|x,y) || N(0, I))
    L_G  = 1/2 (|x - x_f|^2 + |f_D(x) - f_D(x_f)|^2 + |f_C(x) - f_C(x_f)|^2)
    L_GD = 1/2 |E f_D(x) - E f_D(x_p)|^2
    L_GC = 1/2 sum_y |E_y f_C(x) - E_y f_C(x_p)|^2
    E and G minimise  w_1 L_KL + w_2 L_G + w_3 L_GD + w_4 L_GC                 (w = 3, 1, 0.001, 0.001)

G never sees D's or C's verdict, only their features: the training is asymmetric, and D may win without harm.
The baseline is an E and a G with the same initial weights that minimise w_1 L_KL + w_2/2 |x - x_f|^2 alone.

Differs from the paper: DCGAN's networks for E, G and D, and the kit's recogniser for C (the paper's are
GoogleNet for E and C); class means are of the batch, not running means; x_p has the labels of the batch, not
random ones; several labels, whose losses are averaged. Squared norms are sums over pixels and features.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from image_gans.conditions import Conditions
from image_gans.metrics.recogniser import Recogniser, RecogniserConfig
from image_gans.networks.conditional import ConditionalGenerator
from image_gans.networks.translators.image_encoder import LabelledEncoder
from image_gans.player_schedule import PlayerTraining, Steps, player_turn, training_phase
from seqgan_kit.core.bounds import Size, Weight, bounded
from seqgan_kit.core.discriminator import Critique, Discriminator
from seqgan_kit.core.game import Batch, Game, Loss, Move, Phase
from seqgan_kit.core.gaussian_codes import divergence_from_prior, drawn_code
from seqgan_kit.core.judging import accuracy
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.core.techniques.feature_matching import feature_distance


@dataclass(frozen=True)
@bounded
class CVAEGANMethod:
    """Settings of CVAE-GAN: the weights of its losses and the learning rates."""

    divergence_weight: Weight = 3.0
    """w_1: weight of the codes' divergence from their prior (3 in the paper)."""
    reconstruction_weight: Weight = 1.0
    """w_2: weight of the reconstruction, of pixels and of features (1 in the paper)."""
    discriminator_mean_weight: Weight = 1e-3
    """w_3: weight of the distance of D's mean features (0.001 in the paper)."""
    classifier_mean_weight: Weight = 1e-3
    """w_4: weight of the distance of C's mean features of each class (0.001 in the paper)."""
    classifier_width: Size = 32
    """Channels of C's first layer; they double up to 4 times."""
    generator: Steps = Steps(1e-4)
    """Updates of encoder and generator, and of the baseline's."""
    discriminator: Steps = Steps(1e-4)
    """D's updates."""
    classifier: Steps = Steps(1e-4)
    """C's updates."""


def half_squared(x: Tensor, y: Tensor) -> Tensor:
    """Return 1/2 |x - y|^2 of each row: [N,...] twice -> [N]."""
    return 0.5 * (x - y).square().flatten(1).sum(1)


def class_mean_distance(real: Tensor, fake: Tensor, labels: Tensor) -> Tensor:
    """Return sum_y |mean of real of class y - mean of fake of class y|^2: [N,F] twice, [N,K] -> scalar.

    A mean over the K labels; classes that do not occur count 0.
    """
    totals = [
        feature_distance(real[labels[:, place] == number], fake[labels[:, place] == number])
        for place in range(labels.shape[1])
        for number in labels[:, place].unique()
    ]
    return torch.stack(totals).sum() / labels.shape[1]


class CVAEGame(Game[ConditionalGenerator]):
    """A game of encoder, generator, discriminator and classifier, and of the first two alone."""

    def __init__(
        self,
        encoder: LabelledEncoder,
        generator: ConditionalGenerator,
        discriminator: Discriminator,
        classifier: Recogniser,
        method: CVAEGANMethod,
    ):
        alone = {"baseline_encoder": copy.deepcopy(encoder), "baseline": copy.deepcopy(generator)}
        super().__init__(
            {"encoder": encoder, "generator": generator, "discriminator": discriminator,
             "classifier": classifier, **alone}
        )  # fmt: skip
        self.method, self.objective = method, non_saturating()

    @property
    def conditions(self) -> Conditions:
        """Labels that encoder and generator are told, and that C names."""
        return self.generator.config.conditions

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Return images [n,C,H,W] of the batch's labels, in order."""
        labels = self.conditions.rows(batch)
        return self.generator.draw(labels[torch.arange(n, device=labels.device) % len(labels)], rng)

    def rebuilt(
        self, real: Tensor, labels: Tensor, rng: torch.Generator, alone: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return reconstructions [N,C,H,W] by a drawn code, and the divergence [N] of the codes."""
        names = ("baseline_encoder", "baseline") if alone else ("encoder", "generator")
        encoder, generator = (self.players[name] for name in names)
        mean, log_variance = encoder(real, labels)
        codes = drawn_code(mean, log_variance, rng)
        output = generator(cast(ConditionalGenerator, generator).join(codes, labels))
        return output, divergence_from_prior(mean, log_variance).sum(1)

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the loss of encoder and generator."""
        real, labels, weights = batch["real"], self.conditions.rows(batch), self.method
        output, divergence = self.rebuilt(real, labels, move.rng)
        drawn = self.generator.draw(labels, move.rng)
        with torch.no_grad():
            seen, named = self._seen(real), self._named(real)
        pixels = half_squared(output, real).mean()
        features = half_squared(self._seen(output), seen).mean()
        features = features + half_squared(self._named(output), named).mean()
        of_all = 0.5 * feature_distance(seen, self._seen(drawn))
        of_classes = 0.5 * class_mean_distance(named, self._named(drawn), labels)
        total = (
            weights.divergence_weight * divergence.mean()
            + weights.reconstruction_weight * (pixels + features)
            + weights.discriminator_mean_weight * of_all
            + weights.classifier_mean_weight * of_classes
        )
        logs = {
            "code_divergence": divergence.mean(),
            "pixel_error": pixels,
            "feature_error": features,
            "mean_feature_distance": of_all,
            "class_mean_distance": of_classes,
        }
        return Loss(total, logs)

    def baseline_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the loss of encoder and generator without D and C: a conditional VAE."""
        real, labels = batch["real"], self.conditions.rows(batch)
        output, divergence = self.rebuilt(real, labels, move.rng, alone=True)
        pixels = half_squared(output, real).mean()
        weights = self.method
        total = (
            weights.divergence_weight * divergence.mean() + weights.reconstruction_weight * pixels
        )
        return Loss(total, {"baseline_pixel_error": pixels})

    def discriminator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return D's loss on real images, reconstructions and samples."""
        real, labels = batch["real"], self.conditions.rows(batch)
        with torch.no_grad():
            output, _ = self.rebuilt(real, labels, move.rng)
            drawn = self.generator.draw(labels, move.rng)
        of_real, of_output, of_drawn = (self._critique(x).score for x in (real, output, drawn))
        on_real, on_output = self.objective.discriminator(of_real, of_output)
        _, on_drawn = self.objective.discriminator(of_real, of_drawn)
        total = on_real.mean() + on_output.mean() + on_drawn.mean()
        of_fake = torch.cat([of_output, of_drawn])
        logs = {
            "discriminator_loss": total,
            "discriminator_accuracy": accuracy(of_real, of_fake),
            "score_gap": of_real.mean() - of_fake.mean(),
        }
        return Loss(total, logs)

    def classifier_loss(self, batch: Batch, move: Move) -> Loss:
        """Return C's cross-entropy, a mean over the labels."""
        logits = cast(Mapping[str, Tensor], self.players["classifier"](batch["real"]))
        losses = [F.cross_entropy(logits[name], batch[name]) for name in self.conditions.names]
        right = [(logits[n].argmax(1) == batch[n]).float().mean() for n in self.conditions.names]
        loss = torch.stack(losses).mean()
        return Loss(loss, {"class_loss": loss, "real_class_accuracy": torch.stack(right).mean()})

    def _critique(self, x: Tensor) -> Critique:
        return cast(Critique, self.players["discriminator"](x))

    def _seen(self, x: Tensor) -> Tensor:
        """Return D's features [N,F]."""
        return self._critique(x).features

    def _named(self, x: Tensor) -> Tensor:
        """Return C's features [N,F]."""
        return cast(Recogniser, self.players["classifier"]).features(x)


def build(
    encoder: LabelledEncoder,
    generator: ConditionalGenerator,
    discriminator: Discriminator,
    method: CVAEGANMethod,
) -> CVAEGame:
    """Return the game from its players and settings; the classifier is made here."""
    shape, told = encoder.config, generator.config.conditions
    names = dict(zip(told.names, told.classes, strict=True))
    classifier = Recogniser(
        RecogniserConfig(shape.channels, shape.size, names, method.classifier_width)
    )
    return CVAEGame(encoder, generator, discriminator, classifier, method)


def phases(method: CVAEGANMethod, training: PlayerTraining) -> tuple[Phase, ...]:
    """Return one phase in which C, D, encoder with generator, and the baseline take turns."""
    g, d, c = method.generator, method.discriminator, method.classifier
    return (
        training_phase(
            training,
            "adversarial",
            player_turn(training, c, "classifier_loss", "classifier"),
            player_turn(training, d, "discriminator_loss", "discriminator"),
            player_turn(training, g, "generator_loss", "encoder", "generator"),
            player_turn(training, g, "baseline_loss", "baseline_encoder", "baseline"),
        ),
    )
