"""Which techniques are used, and how strongly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from image_gans.augmentations.augmented_player import Augmentation
from seqgan_kit.core.bounds import Above0, Bounds, Share, Size, Units, Weight, bounded


@dataclass(frozen=True)
@bounded
class Techniques:
    """Which of them are used."""

    packing: Size = 1
    """Images that D judges at once, all real or all fake (PacGAN); 1 packs none."""
    unrolled_steps: Units = 0
    """D's imagined steps that G's gradient goes through (unrolled GAN; 5 is usual); 0 for none."""
    unrolled_learning_rate: Above0 | None = None
    """Learning rate of the imagined D; without it D's own."""
    unrolled_optimizer: Literal["adam", "sgd"] = "adam"
    """Rule of the imagined D: adam continues from the moments of D's own, sgd has none."""
    feature_matching: bool = False
    """G matches D's mean features on real images in place of its objective."""
    minibatch_kernels: Annotated[int, Bounds(0, 10_000)] = 0
    """Similarities by which D compares the images of a batch (minibatch discrimination; 50 is usual)."""
    minibatch_dimensions: Annotated[int, Bounds(1, 1000)] = 5
    """Dimensions in which each similarity is measured."""
    historical_averaging: Weight = 0.0
    """Weight of the squared distance of both players' parameters from their mean so far."""
    instance_noise: Weight = 0.0
    """Deviation of the noise on all that D sees, falling to 0 over the training (images are in -1..1)."""
    augmentation: Augmentation = "none"
    """Random transformation of all images that D sees. diffaugment: colour, translation and cutout; ada: more
    transformations, whose probability follows D's overfitting; scheduled: these, with a rising probability.
    """
    ada_target: Share = 0.6
    """ada: mean sign of D's score on real images that the probability is moved towards."""
    ada_images: Size = 500_000
    """ada: images after which the probability can have moved from 0 to 1 (500,000 in the paper; a tenth of
    the images of a short run)."""
    augmentation_end: Share = 0.55
    """scheduled: the probability at the end of the training; it starts at 0."""
    lecam: Weight = 0.0
    """Weight of LeCam regularisation: D's scores stay near the mean scores of the other kind."""
    consistency: Weight = 0.0
    """Weight of balanced consistency regularisation: D's score stays the same if an image is mirrored and
    shifted (10 is usual)."""
    r1_weight: Weight = 0.0
    """Weight of the squared norm of D's gradient on real images (R1; 10 is usual). Needs a D without batch
    norm."""
    r2_weight: Weight = 0.0
    """The same on generated images (R2)."""
    generator_batch: Size = 1
    """Images of G's update, in units of those of D's (2 in SNGAN's official code)."""
    top_share: Annotated[float, Bounds(0.01, 1)] = 1.0
    """Share of its images that G learns from in the end, those with the highest scores (top-k; 0.5 is usual);
    it falls from 1 and is reached half-way."""
    adversarial_epsilon: Weight = 0.0
    """Adversarial training of D: largest change of a pixel value of the real and fake images that D learns
    from, against D, in grey levels of 255 (1 to 8 are usual; 0: none)."""
    adversarial_steps: Size = 1
    """Gradient steps of this change; 1 is the fast gradient sign method."""
    adversarial_measured: bool = False
    """Only measure D's accuracy under this attack; D learns from the images as they are."""

    def used(self) -> dict[str, object]:
        """Those that are on, with their main setting."""
        switches = {
            "packing": self.packing if self.packing > 1 else 0,
            "unrolled_steps": self.unrolled_steps,
            "feature_matching": self.feature_matching,
            "minibatch_kernels": self.minibatch_kernels,
            "historical_averaging": self.historical_averaging,
            "instance_noise": self.instance_noise,
            "augmentation": "" if self.augmentation == "none" else self.augmentation,
            "lecam": self.lecam,
            "consistency": self.consistency,
            "r1_weight": self.r1_weight,
            "r2_weight": self.r2_weight,
            "generator_batch": self.generator_batch if self.generator_batch > 1 else 0,
            "top_share": self.top_share if self.top_share < 1 else 0,
            "adversarial_epsilon": self.adversarial_epsilon,
        }
        return {name: setting for name, setting in switches.items() if setting}


NO_TECHNIQUES = Techniques()
