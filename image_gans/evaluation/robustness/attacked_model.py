"""A saved classifier, and attacks on it by image files."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from image_gans.attacks.attack_settings import GradientAttack
from image_gans.evaluation.image_parts import ImageParts
from image_gans.evaluation.translated_files import Translated, translate_files
from image_gans.metrics.label_classifier import LabelClassifier


class AttackedModel(ImageParts):
    """A model of parts with the verb ``attack``: a classifier, in evaluation mode."""

    @property
    def classifier(self) -> LabelClassifier:
        """The classifier."""
        return cast(LabelClassifier, self.parts["classifier"])

    def classify(self, images: Tensor) -> list[str]:
        """Return the names of the most probable classes of images [N,C,H,W] in [-1,1]."""
        with torch.no_grad():
            numbers = self.classifier(images).argmax(1).tolist()
        return [self.classifier.config.classes[number] for number in numbers]

    def probabilities(self, images: Tensor) -> list[dict[str, float]]:
        """Return the probability of each class, by its name, for images [N,C,H,W] in [-1,1]."""
        with torch.no_grad():
            chances = self.classifier(images).softmax(1).tolist()
        return [dict(zip(self.classifier.config.classes, row, strict=True)) for row in chances]

    def perturbed(
        self, images: Tensor, *, norm: str, epsilon: float, steps: int, seed: int = 0
    ) -> Tensor:
        """Return images [N,C,H,W], attacked within ``epsilon`` grey levels."""
        setting = GradientAttack(norm=norm, epsilon=epsilon, steps=steps)  # type: ignore[arg-type]
        return self.attack(images, setting, seed=seed)

    def attack(self, images: Tensor, attack: GradientAttack, *, seed: int = 0) -> Tensor:
        """Return images [N,C,H,W], perturbed so that the classifier leaves the class that it names now."""
        with torch.no_grad():
            named = self.classifier(images).argmax(1)
        return attack.perturb(
            self.classifier, images, named, torch.Generator(images.device).manual_seed(seed)
        )

    def attack_files(
        self,
        images: Path,
        out: Path,
        *,
        norm: str,
        epsilon: float,
        steps: int,
        seed: int,
        strict: bool,
    ) -> tuple[Translated, int]:
        """Attack an image file or all images in a folder; write PNG files.

        The written pixels are rounded to grey levels, so an attack of less than half a level is lost.

        Returns:
            What was written, and how many of the images changed their class.
        """
        changed = 0

        def act(x: Tensor) -> Tensor:
            nonlocal changed
            attacked = self.perturbed(x, norm=norm, epsilon=epsilon, steps=steps, seed=seed)
            before, after = self.classify(x), self.classify(attacked)
            changed += sum(a != b for a, b in zip(before, after, strict=True))
            return attacked

        config = self.classifier.config
        done = translate_files(act, images, out, config.size, config.channels, strict=strict)
        return done, changed
