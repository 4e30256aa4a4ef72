"""All image scores of samples against a corpus, with one set of real images for many games.

* The reference is the training split; the row of real images is the test split, so that it is the floor.
* Every row has as many images as there are test images, at most: distances depend on the number.
* Samples are rounded to 8 bits and back, as real images were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from image_gans.metrics.attributes import (
    AttributeScores,
    is_catworld,
    label_shares,
    law_marginals,
    recognisable,
    score_attributes,
    visible_eyes,
)
from image_gans.metrics.copying import CopyCheck, check_copies
from image_gans.metrics.features import FeatureExtractor, chosen_features
from image_gans.metrics.inception.inception_features import InceptionFeatures
from image_gans.metrics.inception.inception_score import SPLITS, inception_score
from image_gans.metrics.malformed import RealForm, confidence, real_form
from image_gans.metrics.ms_ssim import similarity_of_pairs
from image_gans.metrics.recogniser import Recogniser
from image_gans.metrics.swd import PATCH_PIXELS, SlicedWasserstein, sliced_wasserstein
from image_gans.metrics.trained_recogniser import accuracies, learnable, recognise, recogniser_of
from seqgan_kit.data.catworld.scenes.scene import SceneLaw
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.pixels import to_float, to_uint8
from seqgan_kit.metrics.features.frechet import Moments, frechet_estimate, moments
from seqgan_kit.metrics.features.kernel_distance import kernel_distance
from seqgan_kit.metrics.features.neighbours import density_coverage, precision_recall
from seqgan_kit.metrics.features.two_sample import classifier_test
from seqgan_kit.metrics.statistics.divergences import Estimate

Floats = NDArray[np.float64]
Rows = TypeVar("Rows", Tensor, Floats)

FEWEST_FOR_A_CLASSIFIER = 500
"""Number of samples below which ``auto`` does not train a classifier, because distances say little."""
MOST_REFERENCES = 5000
BALLS, DEEP_BALLS = 3, 5
"""k of precision and recall, and of density and coverage, as in the papers."""
COPY_QUANTILE = 0.05
"""Quantile of the test images' distances that defines a near copy."""
_FEWEST_COMPARED = 8


@dataclass(frozen=True)
class Comparison:
    """A corpus to compare images with.

    Attributes:
        corpus: the training split (all of it) is the reference, the test split the floor.
        features: classifier, random, none, auto or a path (``features.chosen_features``).
        samples: how many images a row has at most.
        seed: of everything drawn here.
        most_references: how many training images are the reference at most.
        given: features from elsewhere, in place of those that ``features`` names.
    """

    corpus: ImageCorpus
    features: str
    samples: int
    seed: int
    most_references: int = MOST_REFERENCES
    given: FeatureExtractor | None = None

    @property
    def compared(self) -> int:
        """Number of compared images per row, limited by the number of test images."""
        return min(self.samples, len(self.corpus.test) or self.samples)

    @cached_property
    def extractor(self) -> FeatureExtractor | None:
        """Feature extractor; None if features are switched off or there are too few images."""
        if min(self.compared, len(self.corpus.train)) < _FEWEST_COMPARED:
            return None
        if self.given is not None:
            return self.given
        choice = self.features
        if choice == "auto" and self.samples < FEWEST_FOR_A_CLASSIFIER:
            choice = "random"
        whole = self.corpus.whole
        _, channels, size, _ = whole.train.shape
        labels, names = recognisable(whole.train_labels, whole.label_names)
        train = partial(recogniser_of, whole.train, labels, names)
        return chosen_features(choice, channels, size, train if learnable(labels, names) else None)

    @cached_property
    def recogniser(self) -> Recogniser | None:
        """Recogniser of attributes: the features' classifier, if it knows this corpus's labels."""
        network = None if self.extractor is None else self.extractor.network
        _, names = recognisable(self.corpus.train_labels, self.corpus.label_names)
        if isinstance(network, Recogniser) and network.config.label_names.items() <= names.items():
            return network
        return None

    def check(self) -> None:
        """Refuse unavailable features before training instead of at its end; train nothing."""
        if self.features not in ("auto", "none", "random"):
            _, channels, size, _ = self.corpus.train.shape
            labels, names = recognisable(self.corpus.train_labels, self.corpus.label_names)
            if self.features != "classifier" or not learnable(labels, names):
                chosen_features(self.features, channels, size, None)

    @cached_property
    def reference(self) -> Tensor:
        """[R,C,H,W] in [-1,1] training images, from evenly over the split."""
        return to_float(_evenly(self.corpus.whole.train, self.most_references))

    @cached_property
    def held_out(self) -> Tensor:
        """[n,C,H,W] in [-1,1] test images: the row of real data."""
        return to_float(_evenly(self.corpus.test, self.compared))

    @cached_property
    def accuracy(self) -> dict[str, Estimate]:
        """Accuracy of the recogniser on all test images, by label."""
        if self.recogniser is None or not len(self.corpus.test):
            return {}
        labels, _ = recognisable(self.corpus.test_labels, self.corpus.label_names)
        return accuracies(recognise(self.recogniser, to_float(self.corpus.test)), labels)

    def scores(self, pictures: Tensor) -> dict[str, Estimate]:
        """Compute all available scores of a row, by key, except attributes.

        Args:
            pictures: [N,C,H,W] in [-1,1].
        """
        pictures = self._prepared(pictures)
        found: dict[str, Estimate] = {}
        if len(pictures) >= _FEWEST_COMPARED:
            found["ms_ssim"] = similarity_of_pairs(pictures, self._torch_rng())
            if min(pictures.shape[2:]) >= PATCH_PIXELS and len(self.reference) >= len(pictures):
                real = _evenly(self.reference, len(pictures))
                found |= _of_levels(sliced_wasserstein(pictures, real, self._torch_rng()))
            if self.extractor is not None:
                found |= self._over_features(self.extractor(pictures))
        return found

    def attributes(self, pictures: Tensor) -> AttributeScores | None:
        """Score the attributes of images; None without a recogniser."""
        if self.recogniser is None or not len(self.corpus.test) or not len(pictures):
            return None
        assert self.extractor is not None
        pictures = self._prepared(pictures)
        seen = recognise(self.recogniser, pictures)
        sure = confidence(seen, visible_eyes(seen))
        malformed = self._real_form.malformed(self.extractor(pictures), sure)
        return score_attributes(seen, self._truth, malformed, self._rng())

    def copies(self, pictures: Tensor) -> CopyCheck | None:
        """Nearest training images of samples, over features; None without features or test images.

        Args:
            pictures: [N,C,H,W] in [-1,1].
        """
        if self.extractor is None or not self.finds_copies:
            return None
        return check_copies(self.extractor(pictures), self._of_train, self._of_test, COPY_QUANTILE)

    def _prepared(self, pictures: Tensor) -> Tensor:
        """Return the compared images, rounded to 8 bits as real ones."""
        return to_float(to_uint8(pictures[: self.compared].cpu()))

    def _over_features(self, x: Floats) -> dict[str, Estimate]:
        balanced = _evenly(self._of_reference, len(x))
        near = precision_recall(x, balanced, BALLS)
        deep = density_coverage(x, balanced, DEEP_BALLS)
        found = {
            "fd": frechet_estimate(x, self._moments),
            "kid": kernel_distance(x, self._of_reference),
            "precision": near.precision,
            "recall": near.recall,
            "density": deep.density,
            "coverage": deep.coverage,
            "two_sample": classifier_test(x, self._of_reference, self._rng()).accuracy,
        }
        network = self.extractor.network if self.extractor is not None else None
        if isinstance(network, InceptionFeatures) and len(x) >= SPLITS:
            found["inception_score"] = inception_score(network.logits(x))
        if self.finds_copies:
            copies = check_copies(x, self._of_train, self._of_test, COPY_QUANTILE)
            found["near_copies"] = copies.near_copies
        return found

    @property
    def finds_copies(self) -> bool:
        """Return whether near copies are searched; large networks are too slow for all training images."""
        slow = self.extractor is not None and self.extractor.is_slow
        return len(self.corpus.test) > 0 and not slow

    @cached_property
    def _of_train(self) -> Floats:
        return self._features(to_float(self.corpus.train))

    @cached_property
    def _of_test(self) -> Floats:
        return self._features(to_float(self.corpus.test))

    @cached_property
    def _of_reference(self) -> Floats:
        if self.finds_copies and self.corpus.reference is None:
            return np.asarray(_evenly(self._of_train, self.most_references))
        return self._features(self.reference)

    @cached_property
    def _moments(self) -> Moments:
        return moments(self._of_reference)

    def _features(self, pictures: Tensor) -> Floats:
        assert self.extractor is not None
        return self.extractor(pictures)

    @cached_property
    def _truth(self) -> Mapping[str, Floats]:
        names = self.corpus.label_names
        if is_catworld(names):
            return law_marginals(SceneLaw())
        return label_shares(self.corpus.whole.train_labels, names)

    @cached_property
    def _real_form(self) -> RealForm:
        assert self.recogniser is not None
        seen = recognise(self.recogniser, to_float(self.corpus.test))
        return real_form(self._moments, self._of_test, confidence(seen, visible_eyes(seen)))

    def _rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def _torch_rng(self) -> torch.Generator:
        return torch.Generator().manual_seed(self.seed)


def _of_levels(distance: SlicedWasserstein) -> dict[str, Estimate]:
    """Return the mean over levels, and each level if there are several, as ``swd_32``."""
    levels = {f"swd_{side}": estimate for side, estimate in distance.levels.items()}
    return {"swd": distance.mean, **(levels if len(levels) > 1 else {})}


def _evenly(rows: Rows, most: int) -> Rows:
    """Return up to ``most`` evenly spaced rows, because rows may be sorted."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64)]
