r"""f-AnoGAN: a WGAN-GP of normal images and an encoder into its latent space (Schlegl et al. 2019, "f-AnoGAN:
Fast unsupervised anomaly detection with generative adversarial networks").

First G and D are trained on normal images as in WGAN-GP (Gulrajani et al. 2017):

    D minimises  E_z[D(G(z))] - E_data[D(x)] + lambda E_x^[(||grad D(x^)||_2 - 1)^2]
    G minimises  -E_z[D(G(z))]

Then both are fixed, and an encoder E is trained on the same images ("izi_f": image to z to image, with D's
features f, the input of its last layer):

    E minimises  1/n ||x - G(E(x))||^2 + kappa 1/n_f ||f(x) - f(G(E(x)))||^2

with n pixels and n_f features. The anomaly score of an image is the same sum, and that of a pixel is
|x - G(E(x))|. In the last phase a VAE of DCGAN's networks learns the same images, as a baseline.

Differs from the paper: images in colour where the data are (theirs: grey patches of retinal scans, 64
pixels); an encoder with the layers of D's trunk in place of a residual one with batch norm. The preset
``paper`` has the authors' sizes and rates (tSchlegl/f-AnoGAN: residual networks of width 64 with layer norm
in D, 128 latent dimensions, RMSprop at 5e-5 for 50,000 updates of E) and the bundled world's faces; the other
presets have DCGAN's networks, larger learning rates and short schedules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, cast

import torch
from torch import Tensor, nn

from image_gans.schedule import ImageTraining, in_turns
from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.bounds import Above0, Weight, bounded
from seqgan_kit.core.discriminator import Discriminator, evaluating
from seqgan_kit.core.game import Batch, Epochs, Loss, Move, Phase, Turn
from seqgan_kit.core.gaussian_codes import divergence_from_prior, drawn_code
from seqgan_kit.core.objectives import wasserstein
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.penalties import GradientPenalty
from seqgan_kit.core.products import channels_last


@dataclass(frozen=True)
@bounded
class FAnoGANMethod:
    """Settings of f-AnoGAN."""

    penalty_weight: Above0 = 10.0
    """Weight of the gradient penalty (lambda)."""
    kappa: Weight = 1.0
    """Weight of the residual of D's features beside that of pixels."""
    encoding: Above0 = 1.0
    """Epochs of the encoder and the baseline, as a multiple of the epochs of G and D."""
    encoder_learning_rate: Above0 = 5e-5
    """Learning rate of the encoder."""
    encoder_optimizer: Literal["rmsprop", "adam"] = "rmsprop"
    """Update rule of the encoder."""
    baseline_learning_rate: Above0 = 1e-3
    """Learning rate of the VAE (Adam)."""
    baseline_deviation: Above0 = 0.3
    """Standard deviation of a pixel around the VAE's decoder, for pixels in [-1,1]."""


PAPER = ImageTraining(
    generator_learning_rate=1e-4,
    discriminator_learning_rate=1e-4,
    betas=(0.0, 0.9),
    discriminator_moves=5,
    batch_size=64,
)


class Residuals(NamedTuple):
    """What a reconstruction leaves of images."""

    scores: Tensor
    """Anomaly scores [N]."""
    pixels: Tensor
    """|x - reconstruction| [N,1,H,W], a mean over channels."""
    rebuilt: Tensor
    """Reconstructions [N,C,H,W]."""


def mean_squares(x: Tensor, y: Tensor) -> Tensor:
    """Return the mean squared difference [N] of rows [N,...]."""
    return (x - y).square().flatten(1).mean(1)


def pixel_residuals(x: Tensor, rebuilt: Tensor) -> Tensor:
    """Return the mean absolute difference over channels: [N,C,H,W] twice -> [N,1,H,W]."""
    return (x - rebuilt).abs().mean(1, keepdim=True)


class AnomalyGame(AdversarialGame):
    """WGAN-GP, an encoder of its generator, and a VAE as a baseline.

    Args:
        generator: G.
        discriminator: D; the features are those of its trunk.
        encoder: E, images to latent vectors.
        baseline: encoder with mean and log variance, and decoder, of the VAE.
        method: settings.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: Discriminator,
        encoder: nn.Module,
        baseline: tuple[nn.Module, nn.Module],
        method: FAnoGANMethod,
    ):
        others = {"encoder": encoder, "baseline_encoder": baseline[0], "baseline": baseline[1]}
        penalties = [GradientPenalty(method.penalty_weight)]
        super().__init__(generator, discriminator, wasserstein(), None, penalties, others)
        self.method = method

    def encoder_loss(self, batch: Batch, move: Move) -> Loss:
        """Return E's loss: residuals of pixels and of D's features."""
        pixels, features, _ = self._residuals(batch["real"])
        total = (pixels + self.method.kappa * features).mean()
        return Loss(total, {"pixel_residual": pixels.mean(), "feature_residual": features.mean()})

    def baseline_loss(self, batch: Batch, move: Move) -> Loss:
        """Return minus the VAE's ELBO in nats, up to a constant."""
        real = batch["real"]
        mean, log_variance = self.players["baseline_encoder"](real)
        rebuilt = self.players["baseline"](drawn_code(mean, log_variance, move.rng))
        pixels = self._vae_pixels(real, rebuilt).mean()
        divergence = divergence_from_prior(mean, log_variance).sum(1).mean()
        return Loss(
            pixels + divergence, {"baseline_pixels": pixels, "baseline_divergence": divergence}
        )

    @torch.no_grad()
    def detect(self, x: Tensor) -> Residuals:
        """Return the anomaly scores of images [N,C,H,W]."""
        with evaluating(self.players["encoder"]):
            pixels, features, rebuilt = self._residuals(x)
        return Residuals(
            pixels + self.method.kappa * features, pixel_residuals(x, rebuilt), rebuilt
        )

    @torch.no_grad()
    def baseline_detect(self, x: Tensor) -> tuple[Residuals, Tensor]:
        """Return the VAE's residuals, whose scores are mean squares, and minus its bound [N] at the mean
        code, up to a constant."""
        encoder, decoder = self.players["baseline_encoder"], self.players["baseline"]
        with evaluating(encoder, decoder):
            mean, log_variance = encoder(x)
            rebuilt = decoder(mean)
        bound = self._vae_pixels(x, rebuilt) + divergence_from_prior(mean, log_variance).sum(1)
        found = Residuals(mean_squares(x, rebuilt), pixel_residuals(x, rebuilt), rebuilt)
        return found, bound

    def features(self, x: Tensor) -> Tensor:
        """Return D's features [N,F] of images."""
        return cast(Tensor, self.discriminator.trunk(x))

    def _residuals(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the residuals of pixels [N] and features [N], and the reconstructions; G and D in eval
        mode."""
        with evaluating(self.generator, self.discriminator):
            rebuilt = self.generator(self.players["encoder"](x))
            with torch.no_grad():
                wanted = self.features(x)
            return mean_squares(x, rebuilt), mean_squares(wanted, self.features(rebuilt)), rebuilt

    def _vae_pixels(self, x: Tensor, rebuilt: Tensor) -> Tensor:
        scaled = (x - rebuilt) / self.method.baseline_deviation
        return 0.5 * scaled.square().flatten(1).sum(1)


def build(
    generator: nn.Module,
    discriminator: Discriminator,
    encoder: nn.Module,
    baseline: tuple[nn.Module, nn.Module],
    method: FAnoGANMethod,
) -> AnomalyGame:
    """Return the game from its players and settings."""
    game = AnomalyGame(generator, discriminator, encoder, baseline, method)
    return channels_last(game)


def phases(method: FAnoGANMethod, training: ImageTraining) -> tuple[Phase, ...]:
    """Return the phase of G and D, and that of the encoder and the baseline."""
    of_encoder = Optimizer(method.encoder_learning_rate, method.encoder_optimizer)
    of_baseline = Optimizer(method.baseline_learning_rate)
    encoding = Phase(
        "encoding",
        (
            Turn(("encoder",), loss="encoder_loss", optimizer=of_encoder),
            Turn(("baseline_encoder", "baseline"), loss="baseline_loss", optimizer=of_baseline),
        ),
        rounds=Epochs(method.encoding * training.epochs),
        evaluate_every_rounds=training.evaluate_every_rounds or None,
        sample_every_rounds=training.sample_every_rounds,
        save_every_rounds=training.save_every_rounds,
    )
    return (*in_turns(training), encoding)
