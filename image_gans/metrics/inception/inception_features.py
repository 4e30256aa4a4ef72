"""Features of the Inception network from a local file, for FID, KID and the Inception Score."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from image_gans.metrics.inception.inception_file import load_inception
from image_gans.metrics.inception.inception_input import inception_input
from image_gans.metrics.inception.inception_network import FIDInception
from seqgan_kit.core.files.user_paths import expanded
from seqgan_kit.errors import UsageError

PREFIXES = {"inception:": "clean", "inception-tf:": "tf"}
"""Prefix of the file in a setting, and the resizing that it selects."""
_CHUNK = 32  # Images of 299 pixels per chunk: half a GiB of activations.


class InceptionFeatures(nn.Module):
    """The network with the resizing in front of it."""

    def __init__(self, network: FIDInception, resizing: str):
        super().__init__()
        self.network = network
        self.resizing = resizing

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """[N,C,H,W] in [-1,1] -> [N,2048] on the CPU; images are rounded to 8 bits first."""
        device = self.network.fc.weight.device
        with torch.backends.cudnn.flags(allow_tf32=False):  # TF32 would change digits of the score.
            pieces = [
                self.network(inception_input(part.to(device), self.resizing)).cpu()
                for part in x.split(_CHUNK)
            ]
        return torch.cat(pieces)

    def logits(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """[N,2048] -> [N,1008], without the bias, as the Inception Score takes them."""
        rows = torch.from_numpy(features).to(self.network.fc.weight.device)
        return np.asarray(self.network.logits(rows).cpu())


def is_inception(choice: str) -> bool:
    """Whether a setting names an Inception file."""
    return choice.startswith(tuple(PREFIXES))


def inception_features(choice: str) -> InceptionFeatures:
    """The network that ``inception:FILE`` or ``inception-tf:FILE`` names, on a GPU where there is one."""
    prefix = next(p for p in PREFIXES if choice.startswith(p))
    file = choice.removeprefix(prefix)
    if not file:
        raise UsageError(f"{choice!r} names no file: give {prefix}FILE.")
    network = load_inception(expanded(file))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return InceptionFeatures(network.to(device), PREFIXES[prefix]).eval()
