"""Choice of the network that a perceptual distance compares feature maps of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from image_gans.metrics.attributes import recognisable
from image_gans.metrics.features import RandomNetwork
from image_gans.metrics.perception.feature_maps import Perception
from image_gans.metrics.perception.vgg import load_heads, load_vgg
from image_gans.metrics.recogniser import load_recogniser
from image_gans.metrics.trained_recogniser import RecognitionTraining, learnable, recogniser_of
from seqgan_kit.core.bounds import Count, bounded
from seqgan_kit.core.files.user_paths import expanded
from seqgan_kit.errors import UsageError

VGG_PREFIX = "vgg:"
FEWEST_FOR_A_RECOGNISER = 500
_OTHER_SEED = (
    1  # Not the seed of the recogniser that scores, so that a model is not scored by its own loss.
)


@dataclass(frozen=True)
@bounded
class PerceptualChoice:
    """The network of the perceptual distance."""

    perceptual: str = "auto"
    """Network whose feature maps are compared: recogniser (trained on the targets' own labels, a minute or
    two on a CPU, and kept; another one than the scores'), random, vgg:FILE (torchvision's weights of vgg16 or
    vgg19), or a recogniser's .safetensors file. auto: recogniser where there are labels and at least 500
    images, else random."""
    perceptual_stage: Count = 0
    """Number of the only stage to compare, from 1 for the largest maps; 0 for the mean over all."""


def chosen_perception(
    choice: PerceptualChoice,
    images: Tensor,
    labels: Mapping[str, Tensor],
    label_names: Mapping[str, tuple[str, ...]],
) -> Perception:
    """Return the network that a setting names.

    Args:
        choice: the settings.
        images: [N,C,H,H] uint8 training targets.
        labels: [N] by label; empty if there are none.
        label_names: the classes of each label.
    """
    labels, names = recognisable(labels, {n: v for n, v in label_names.items() if n in labels})
    known, network = learnable(labels, names), choice.perceptual
    if network == "auto":
        network = "recogniser" if known and len(images) >= FEWEST_FOR_A_RECOGNISER else "random"
    if network == "random":
        found = Perception("random", RandomNetwork(images.shape[1], seed=_OTHER_SEED))
    elif network == "recogniser":
        if not known:
            raise UsageError(
                "--perceptual recogniser needs labels with several images a class, and these images have "
                "none. Give --perceptual random, vgg:FILE, or the file of a recogniser."
            )
        training = RecognitionTraining(seed=_OTHER_SEED)
        found = Perception("recogniser", recogniser_of(images, labels, names, training))
    else:
        found = perception_of_file(network)
    found = Perception(found.name, found.network, choice.perceptual_stage)
    found.maps(images[:2].float() / 127.5 - 1)  # Wrong images or stages end here, before the run.
    return found


def perception_of_file(choice: str, heads: str = "") -> Perception:
    """Return the network of ``vgg:FILE`` or of a recogniser's file.

    Args:
        choice: as on the command line.
        heads: file of LPIPS's weights, for VGG-16.
    """
    if choice.startswith(VGG_PREFIX):
        if not (file := choice.removeprefix(VGG_PREFIX)):
            raise UsageError(f"{choice!r} names no file: give {VGG_PREFIX}FILE.")
        network = load_vgg(expanded(file))
        if heads and network.depth != 16:
            raise UsageError(
                f"LPIPS's weights {heads} are for VGG-16, and {file} holds VGG-{network.depth}: give a file "
                "of vgg16, or leave the weights out."
            )
        known = load_heads(expanded(heads)) if heads else None
        return Perception(f"vgg{network.depth}", network, heads=known)
    if heads:
        raise UsageError(
            f"LPIPS's weights {heads} are for VGG-16, and the features are of {choice!r}: give vgg:FILE, or "
            "leave the weights out."
        )
    return Perception("recogniser", load_recogniser(expanded(choice)))
