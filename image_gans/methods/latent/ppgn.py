r"""Plug and play generative networks: images of any condition that a recogniser names, by steps in a space of
features (Nguyen, Clune, Bengio, Dosovitskiy, Yosinski 2017, "Plug & play generative networks: Conditional
iterative generation of images in latent space").

First a recogniser learns the labels of the images x; h = E(x) are its last features. Then E is fixed, and a
generator G learns to draw an image from its features, with a discriminator D of score s:

    D minimises  -E[log sigma(s(x))] - E[log(1 - sigma(s(G(h))))]
    G minimises  w_x |x - G(h)|^2 + w_h |h - E(G(h))|^2 - w_s E[log sigma(s(G(h)))]

Then a denoiser R learns features with noise, standardised: R minimises E|h - R(h + sigma n)|^2. An image of
a condition y comes from a chain of features, with the recogniser's log p(y | .) of the image:

    h <- h + epsilon1 (R(h) - h) + epsilon2 d/dh log p(y | G(h)) + N(0, epsilon3^2 I)            (equation 5)

The prior is R ("PPGN-h") or E(G(.)) in its place ("noiseless joint PPGN-h"), which needs no training of its
own. With ``captions`` a captioning model, which reads the recogniser's class scores c(x), learns the captions
y = w_1 ... w_T of the images by maximum likelihood, and sentences are conditions:

    log p(y | x) = sum_t log p(w_t | w_1 ... w_{t-1}, c(x)),      x = G(h)

Differs from the paper: E is a small recogniser trained on the labels of the same images (theirs: CaffeNet on
ImageNet), and h its last maps (theirs: a fully connected layer, and a second loss one layer below); R has two
hidden layers and a skip connection (theirs: seven layers with a bottleneck); features are standardised, so
that the epsilons mean the same for all of them; steps have the size that the equation says (the authors' code
divides them by their mean absolute value); the default epsilon1 and epsilon3 are those of Langevin sampling
of R's prior, because the exact distribution is measured here (theirs: noise of 1e-17), while epsilon2 is
larger, as in the paper. The captioning model is a GRU of one layer on log-probabilities of classes, and a
sentence's end counts as a word (theirs: a published LSTM on a CaffeNet's class scores). The squared norms are
means over pixels and features. The preset ``paper`` has the chain of the text: noiseless joint, 200 steps,
epsilons 1e-5, 1 and 1e-17.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor, nn

from image_gans.metrics.recogniser import Recogniser, RecogniserConfig
from image_gans.metrics.trained_recogniser import label_losses
from image_gans.networks.captions.caption_writer import (
    CaptionWriter,
    CaptionWriterConfig,
    class_scores,
)
from image_gans.networks.choice import NetworkChoice, build_networks
from image_gans.networks.translators.feature_denoiser import (
    FeatureDenoiser,
    FeatureDenoiserConfig,
)
from image_gans.schedule import ImageTraining, in_turns
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Above0, Size, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.core.game import Batch, Epochs, Loss, Move, Phase, Turn
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.products import channels_last
from seqgan_kit.data.images.captioned import CAPTION, CaptionedImages
from seqgan_kit.data.images.image_config import ImageData


@dataclass(frozen=True)
@bounded
class PPGNMethod:
    """Settings of the features, the generator's losses and the denoiser."""

    recogniser_width: Size = 16
    """Channels of the first layers of the recogniser; features are four times as many at each place."""
    recogniser_learning_rate: Above0 = 2e-3
    """Learning rate of the recogniser (Adam)."""
    recognising: Above0 = 0.5
    """Epochs of the recogniser, as a multiple of the epochs of G and D."""
    pixel_weight: Weight = 10.0
    """Weight of the pixels' squared difference (w_x)."""
    feature_weight: Weight = 1.0
    """Weight of the features' squared difference (w_h)."""
    adversarial_weight: Weight = 0.1
    """Weight of D's verdict (w_s)."""
    denoiser_width: Size = 256
    """Units of the denoiser's hidden layers."""
    denoiser_learning_rate: Above0 = 1e-3
    """Learning rate of the denoiser (Adam)."""
    denoising: Above0 = 0.5
    """Epochs of the denoiser, as a multiple of the epochs of G and D."""
    noise: Above0 = 1.0
    """Standard deviation of the denoiser's noise (sigma), in standard deviations of a feature."""
    captions: bool = False
    """Whether a captioning model is trained, too, so that sentences are conditions; the images need
    captions."""
    caption_width: Size = 64
    """Units of the captioning model."""
    caption_learning_rate: Above0 = 2e-3
    """Learning rate of the captioning model (Adam)."""
    captioning: Above0 = 1.0
    """Epochs of the captioning model, as a multiple of the epochs of G and D."""


PAPER = ImageTraining(batch_size=64, epochs=100.0, betas=(0.9, 0.999))


class PPGNGame(AdversarialGame):
    """A recogniser whose features a generator inverts, and a denoiser of these features.

    Args:
        generator: G, features to images.
        discriminator: D.
        recogniser: E and its heads.
        denoiser: R.
        method: settings.
        writer: the captioning model, if there is one.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: Discriminator,
        recogniser: Recogniser,
        denoiser: FeatureDenoiser,
        method: PPGNMethod,
        writer: CaptionWriter | None = None,
    ):
        others: dict[str, nn.Module] = {"recogniser": recogniser, "denoiser": denoiser}
        others |= {} if writer is None else {"caption_writer": writer}
        super().__init__(generator, discriminator, non_saturating(), None, (), others)
        self.method = method

    def encoded(self, x: Tensor) -> Tensor:
        """Return the features h [N,F] of images [N,C,H,W], in evaluation mode."""
        recogniser = cast(Recogniser, self.players["recogniser"])
        with evaluating(recogniser):
            return recogniser.places(x).flatten(1)

    def draw(self, n: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Return what G makes of the features of the batch's images [n,C,H,W]."""
        real = batch["real"]
        with torch.no_grad():
            features = self.encoded(real[torch.arange(n, device=real.device) % len(real)])
        return cast(Tensor, self.generator(features))

    def recogniser_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the recogniser's cross-entropy, a mean over labels."""
        loss = label_losses(self.players["recogniser"](batch["real"]), batch).mean()
        return Loss(loss, {"recogniser_loss": loss})

    def generator_loss(self, batch: Batch, move: Move) -> Loss:
        """Return G's loss: pixels, features and D's verdict, weighted."""
        real, method = batch["real"], self.method
        with torch.no_grad():
            features = self.encoded(real)
        drawn = self.generator(features)
        pixels = (real - drawn).square().mean()
        inverted = (features - self.encoded(drawn)).square().mean()
        verdict = self.objective.generator(self.discriminate(drawn).score, None).mean()
        total = method.pixel_weight * pixels + method.feature_weight * inverted
        logs = {"generator_loss": verdict, "pixel_error": pixels, "feature_error": inverted}
        return Loss(total + method.adversarial_weight * verdict, logs)

    def denoiser_loss(self, batch: Batch, move: Move) -> Loss:
        """Return R's mean squared error on standardised features with noise."""
        denoiser = cast(FeatureDenoiser, self.players["denoiser"])
        with torch.no_grad():
            clean = denoiser.standardised(self.encoded(batch["real"]))
        noise = denoiser.noise(len(clean), move.rng)
        loss = (denoiser(clean + self.method.noise * noise) - clean).square().mean()
        return Loss(loss, {"denoising_error": loss})

    def caption_writer_loss(self, batch: Batch, move: Move) -> Loss:
        """Return the captioning model's negative log-likelihood, a mean over captions."""
        recogniser, writer = self.players["recogniser"], self.players["caption_writer"]
        with evaluating(recogniser), torch.no_grad():
            scores = class_scores(recogniser(batch["real"]))
        loss = -cast(CaptionWriter, writer).log_prob(scores, batch[CAPTION]).mean()
        return Loss(loss, {"caption_nll": loss})


def build(
    choice: NetworkChoice,
    data: ImageData,
    label_names: Mapping[str, tuple[str, ...]],
    method: PPGNMethod,
    told: CaptionedImages | None = None,
) -> PPGNGame:
    """Return the game; G takes as many features as the recogniser has.

    Args:
        choice: the networks of G and D; its latent dimensions are not read.
        data: size and channels of the images.
        label_names: the classes of each label that the recogniser learns.
        method: settings.
        told: images with captions, whose words the captioning model learns; None: no such model.
    """
    recogniser = Recogniser(
        RecogniserConfig(data.channels, data.size, dict(label_names), method.recogniser_width)
    )
    features = cast(Any, recogniser.heads[0]).in_features
    generator, discriminator = build_networks(replace(choice, latent=features), data)
    denoiser = FeatureDenoiser(
        FeatureDenoiserConfig(features, method.denoiser_width, noise=method.noise)
    )
    writer = None
    if told is not None:
        classes = sum(map(len, label_names.values()))
        shape = CaptionWriterConfig(told.words, told.length, classes, method.caption_width)
        writer = CaptionWriter(shape)
    game = PPGNGame(generator, discriminator, recogniser, denoiser, method, writer)
    return channels_last(game)


def phases(method: PPGNMethod, training: ImageTraining) -> tuple[Phase, ...]:
    """Return the phases of the recogniser, of the captioning model, of G and D, and of the denoiser."""
    schedule = training.learning_rate_schedule

    def phase(name: str, player: str, learning_rate: float, share: float) -> Phase:
        rule = Optimizer(learning_rate, schedule=schedule)
        return Phase(
            name,
            (Turn((player,), loss=f"{player}_loss", optimizer=rule),),
            rounds=Epochs(share * training.epochs),
            evaluate_every_rounds=training.evaluate_every_rounds or None,
            sample_every_rounds=training.sample_every_rounds,
            save_every_rounds=training.save_every_rounds,
        )

    first = phase("features", "recogniser", method.recogniser_learning_rate, method.recognising)
    rate, share = method.caption_learning_rate, method.captioning
    words = [phase("captions", "caption_writer", rate, share)] if method.captions else []
    last = phase("prior", "denoiser", method.denoiser_learning_rate, method.denoising)
    return (first, *words, *in_turns(training), last)
