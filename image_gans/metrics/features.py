"""Feature extractors for image distances, identified by name and hash.

* a classifier of the data set's own labels (``recognition.py``): it captures what the labels describe;
* a random network: fixed by its seed, needs no labels and no training. Distances over random features
  still tell distributions apart, more coarsely (Naeem et al. 2020 use them beside trained ones);
* a classifier from a local file, to compare runs on different data by one and the same network;
* the Inception network from a local file (``inception/``), to compare with published scores;
* DINOv2 or CLIP from a local folder (``pretrained/``), trained on natural images at large.

A distance is printed as ``FD[name-hash]``, and as FID over the Inception network only.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from image_gans.metrics.inception.inception_features import (
    InceptionFeatures,
    inception_features,
    is_inception,
)
from image_gans.metrics.pretrained.pretrained_features import (
    PretrainedFeatures,
    is_pretrained,
    pretrained_features,
)
from image_gans.metrics.recogniser import Recogniser, digest, load_recogniser, shrunk
from seqgan_kit.errors import DataError

_CHUNK = 256
_RANDOM_WIDTHS = (16, 32, 64)
_RANDOM_LARGEST_PIXELS = 64
_HASH_LETTERS = 6


@dataclass(frozen=True)
class FeatureExtractor:
    """An extractor from images [N,C,H,W] in [-1,1] to features [N,F].

    Attributes:
        name: the kind of network.
        network: a classifier, a random network, the Inception network or a pretrained model.
        digest: a hash of its weights, and of a pretrained model's preprocessing.
    """

    name: str
    network: Recogniser | RandomNetwork | InceptionFeatures | PretrainedFeatures
    digest: str

    @property
    def label(self) -> str:
        """Label ``name-hash`` in the names of scores."""
        return f"{self.name}-{self.digest[:_HASH_LETTERS]}"

    @property
    def is_inception(self) -> bool:
        """Return whether distances with this network are FID and KID."""
        return isinstance(self.network, InceptionFeatures)

    @property
    def is_slow(self) -> bool:
        """Return whether features of every training image would take too long."""
        return isinstance(self.network, InceptionFeatures | PretrainedFeatures)

    @torch.no_grad()
    def __call__(self, pictures: Tensor) -> NDArray[np.float64]:
        """[N,C,H,W] in [-1,1] -> [N,F], in pieces that fit into memory."""
        if pictures.dim() != 4 or not pictures.is_floating_point() or len(pictures) == 0:
            raise DataError(
                "features are taken of images [N,C,H,W] in [-1,1], at least one; got shape "
                f"{list(pictures.shape)} of {pictures.dtype}."
            )
        pieces = [self.network.features(part) for part in pictures.float().split(_CHUNK)]
        return torch.cat(pieces).double().numpy()


def classifier_features(recogniser: Recogniser) -> FeatureExtractor:
    """Return an extractor of a classifier's last layer, averaged over the image."""
    return FeatureExtractor("classifier", recogniser.eval(), digest(recogniser))


def features_from_file(path: Path, channels: int, size: int) -> FeatureExtractor:
    """Load a classifier from a local safetensors file; refuse other files and other image shapes.

    Args:
        path: a file that this toolkit wrote (``recogniser.py``).
        channels: of the images to be compared.
        size: their side in pixels.
    """
    recogniser = load_recogniser(path)
    config = recogniser.config
    if (config.channels, config.size) != (channels, size):
        raise DataError(
            f"the classifier in {path} takes images of {config.channels} channels and {config.size} "
            f"pixels; these have {channels} and {size}. Load them with --size {config.size} --channels "
            f"{config.channels}, or choose other features."
        )
    return classifier_features(recogniser)


def random_features(channels: int, seed: int = 0) -> FeatureExtractor:
    """Return an extractor with a random network, for images of any size."""
    network = RandomNetwork(channels, seed)
    return FeatureExtractor("random", network, digest(network))


class RandomNetwork(nn.Module):
    """Three random 3x3 convolutions with leaky ReLU, each followed by halving; features are the means of each
    layer's channels over the image's quarters, so they keep some spatial information.

    Weights are normal with variance 2 / fan-in (He et al. 2015), which keeps the scale of the signal.
    """

    def __init__(self, channels: int, seed: int):
        super().__init__()
        rng, before = torch.Generator().manual_seed(seed), channels
        for layer, width in enumerate(_RANDOM_WIDTHS):
            weight = torch.randn(width, before, 3, 3, generator=rng) * math.sqrt(2 / (9 * before))
            self.register_buffer(f"weight{layer}", weight)
            before = width

    def features(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,4 * (16 + 32 + 64)]."""
        seen = [functional.adaptive_avg_pool2d(found, 2).flatten(1) for found in self.maps(x)]
        return torch.cat(seen, 1)

    def maps(self, x: Tensor) -> list[Tensor]:
        """[N,C,H,W] -> the activations of each convolution, [N,F,h,w]."""
        x, seen = shrunk(x, _RANDOM_LARGEST_PIXELS), []
        for layer in range(len(_RANDOM_WIDTHS)):
            weight = self.get_buffer(f"weight{layer}")
            if x.shape[1] != weight.shape[1]:
                raise DataError(
                    f"these random features are of images of {weight.shape[1]} channels, "
                    f"not {x.shape[1]}."
                )
            x = functional.leaky_relu(functional.conv2d(x, weight, padding=1), 0.2)
            seen.append(x)
            x = functional.avg_pool2d(x, 2, ceil_mode=True)
        return seen


def chosen_features(
    choice: str,
    channels: int,
    size: int,
    classifier: Callable[[], Recogniser] | None,
) -> FeatureExtractor | None:
    """Return the extractor that a setting names.

    Args:
        choice: classifier, random, none, auto (classifier where there are labels, else random),
            ``inception:FILE`` or ``inception-tf:FILE``, ``hf:FOLDER``, or the path of a classifier.
        channels: of the images.
        size: their side in pixels.
        classifier: trains or finds the classifier, if it is needed; None where the images have no labels.
    """
    if choice == "auto":
        choice = "random" if classifier is None else "classifier"
    if choice == "none":
        return None
    if choice == "random":
        return random_features(channels)
    if is_inception(choice):
        network = inception_features(choice)
        return FeatureExtractor(f"inception-{network.resizing}", network, digest(network.network))
    if is_pretrained(choice):
        model = pretrained_features(choice)
        known = f"{digest(model.model)}{model.processing}"
        return FeatureExtractor(model.name, model, hashlib.sha256(known.encode()).hexdigest())
    if choice == "classifier":
        if classifier is None:
            raise DataError(
                "classifier features need labels with several images a class, and these images have "
                "none. Choose random features, or a file of a classifier trained elsewhere."
            )
        return classifier_features(classifier())
    return features_from_file(Path(choice), channels, size)
