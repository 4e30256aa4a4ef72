"""VGG networks from a local file (Simonyan, Zisserman 2015, "Very deep convolutional networks for large-scale
image recognition", configurations D and E).

    five stages of 3x3 convolutions with ReLU, each followed by 2x2 max pooling

The file has the tensors of torchvision's vgg16 or vgg19 by the same names; which of the two follows from the
names. The classifier's tensors may be in it and are not read.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from image_gans.metrics.tensor_files import check_layout, read_tensors
from seqgan_kit.errors import DataError

_WANTED = (
    "Perceptual features of VGG need the weights of torchvision's vgg16 or vgg19 without batch norm "
    "(vgg16-397923af.pth, vgg19-dcbb9e9d.pth), or the same tensors as .safetensors"
)
_WIDTHS = (64, 128, 256, 512, 512)
_CONVOLUTIONS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SMALLEST_PIXELS = 16


class VGG(nn.Module):
    """The convolutions of VGG-16 or VGG-19, for colour or grey images in [-1,1].

    Args:
        depth: 16 or 19.
    """

    def __init__(self, depth: int):
        super().__init__()
        self.depth = depth
        layers: list[nn.Module] = []
        before, self.ends = 3, list[int]()
        for width, count in zip(_WIDTHS, _CONVOLUTIONS[depth], strict=True):
            for _ in range(count):
                layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU(inplace=True)]
                before = width
            self.ends.append(len(layers) - 1)
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.used = self.ends[-1] + 1

    def maps(self, x: Tensor) -> list[Tensor]:
        """[N,C,H,W] in [-1,1] -> the last activation of each stage, [N,F,h,w] five times."""
        if x.shape[1] not in (1, 3) or min(x.shape[2:]) < _SMALLEST_PIXELS:
            raise DataError(
                f"VGG takes images [N,1,H,W] or [N,3,H,W] of at least {_SMALLEST_PIXELS} pixels a side; "
                f"these are {list(x.shape)}. Load larger images with --size."
            )
        mean, deviation = (x.new_tensor(v).view(1, 3, 1, 1) for v in (_MEAN, _DEVIATION))
        x, found = ((x + 1) / 2 - mean) / deviation, []
        for place in range(self.used):
            x = self.features[place](x)
            if place in self.ends:
                found.append(x)
        return found


def load_vgg(path: Path) -> VGG:
    """Return the network of a file, in evaluation mode.

    Raises:
        CheckpointError: the file is missing, is no file of tensors, or is of another network.
    """
    stored = read_tensors(path, _WANTED)
    tensors = {n: t.float() for n, t in stored.items() if not n.startswith("classifier.")}
    with torch.device("meta"):
        network = VGG(19 if "features.34.weight" in tensors else 16)
    shapes = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    check_layout(shapes, tensors, path, "a VGG file", _WANTED)
    network.load_state_dict(tensors, assign=True)
    return network.eval().requires_grad_(False)


def load_heads(path: Path) -> tuple[Tensor, ...]:
    """Return LPIPS's weights of VGG-16's channels from a local file, [1,F,1,1] five times.

    Raises:
        CheckpointError: the file is missing, is no file of tensors, or is of another network.
    """
    wanted = (
        "LPIPS needs the linear weights of its vgg version (weights/v0.1/vgg.pth of the package lpips), or "
        "the same tensors as .safetensors"
    )
    tensors = read_tensors(path, wanted)
    names = [f"lin{stage}.model.1.weight" for stage in range(len(_WIDTHS))]
    shapes = {n: (1, width, 1, 1) for n, width in zip(names, _WIDTHS, strict=True)}
    check_layout(shapes, tensors, path, "an LPIPS file", wanted)
    return tuple(functional.relu(tensors[name].float()) for name in names)
