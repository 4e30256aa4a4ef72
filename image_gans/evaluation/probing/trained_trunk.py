"""The trunk of a run's discriminator, from its settings and its newest checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from image_gans.networks.choice import NetworkChoice, build_trunk
from seqgan_kit.core.runs.log import read_config, settings_of
from seqgan_kit.core.runs.settings import restored
from seqgan_kit.core.training.checkpoint import newest_good_checkpoint
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import CheckpointError, UsageError

_PLAYER = "discriminator"


@dataclass(frozen=True)
class TrainedTrunk:
    """A trunk in evaluation mode."""

    trunk: nn.Module
    """From images [N,C,H,W] to features."""
    choice: NetworkChoice
    """Which network it is."""
    data: ImageData
    """The images that it was trained on."""
    checkpoint: Path
    """File that its weights come from."""
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    """All weights of the discriminator."""

    def untrained(self, seed: int) -> nn.Module:
        """Return the same trunk with new random weights."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return _still(build_trunk(self.choice, self.data))


def trained_trunk(run_dir: Path) -> TrainedTrunk:
    """Return the trunk of the discriminator of a run.

    Raises:
        UsageError: the run has no discriminator that reads one image.
        CheckpointError: there is no checkpoint that can be read.
    """
    recipe = read_config(run_dir).get("recipe", "unknown")
    settings = settings_of(run_dir)
    choice = _restored(NetworkChoice, settings.get("networks"))
    data = _restored(ImageData, settings.get("data"))
    if choice is None or data is None:
        raise UsageError(
            f"{run_dir} is a run of {recipe!r}, which has no generator and discriminator of "
            "images: give a run of an image GAN, for example of 'seqgan-kit run dcgan'."
        )
    try:
        checkpoint, state, _ = newest_good_checkpoint(run_dir / "checkpoints")
    except CheckpointError as error:
        raise CheckpointError(
            f"{run_dir} has no checkpoint to read D from ({error}) The model folder holds the generator "
            "alone: train again, or resume the run where its checkpoints are."
        ) from error
    players = state.get("players", {})
    if _PLAYER not in players:
        raise UsageError(
            f"{run_dir} is a run of {recipe!r}, which has no discriminator; its networks are "
            f"{', '.join(players)}. Give a run of an image GAN, for example of 'seqgan-kit run dcgan'."
        )
    trunk = build_trunk(choice, data)
    weights = _weights_of(trunk, players[_PLAYER])
    if weights is None or not isinstance(getattr(trunk, "layers", None), nn.Sequential):
        raise UsageError(
            f"the discriminator of {run_dir} ({recipe!r}, network {choice.network!r}) does not read one "
            "image layer by layer, so it cannot be probed: it also reads labels, several images at once or a "
            "reconstruction. Give a run of dcgan, wgan_gp, sngan or another GAN without conditions."
        )
    trunk.load_state_dict(weights)
    return TrainedTrunk(_still(trunk), choice, data, checkpoint, players[_PLAYER])


def _weights_of(trunk: nn.Module, saved: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """Return the weights of a trunk among those of a discriminator; None if they do not fit.

    Techniques put layers in front of a trunk, so the names of its weights have an unknown prefix.
    """
    wanted = {name: t.shape for name, t in trunk.state_dict().items()}
    first = next(iter(wanted))
    for name in saved:
        prefix = name.removesuffix(first)
        if prefix == name and first:
            continue
        found = {key: saved.get(prefix + key) for key in wanted}
        if all(t is not None and t.shape == wanted[key] for key, t in found.items()):
            return {key: t for key, t in found.items() if t is not None}
    return None


def _restored(kind: Any, settings: Any) -> Any:
    """Return settings of this kind; None if they are of another."""
    if not isinstance(settings, Mapping):
        return None
    try:
        return restored(kind, settings)
    except UsageError:
        return None


def _still(trunk: nn.Module) -> nn.Module:
    return trunk.eval().requires_grad_(False)
