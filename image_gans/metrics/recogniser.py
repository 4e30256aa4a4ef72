"""A small convolutional classifier with one head per label on common features.

Its features measure distances between sets of images, its heads the attributes of samples. A file of it is
one safetensors file whose metadata say how to build it; nothing in it is run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from seqgan_kit.core.bounds import Size, bounded
from seqgan_kit.core.files.checked_json import parsed
from seqgan_kit.core.files.json_kinds import list_of, mapping_of, record, text, whole
from seqgan_kit.core.files.stored_models import restored_network
from seqgan_kit.core.runs.log import write_whole
from seqgan_kit.errors import CheckpointError, UsageError

_FORMAT = "seqgan-kit recogniser 1"
_LARGEST_PIXELS = (
    64  # Larger images are averaged down to this side, which bounds the cost of the trunk.
)

_SIZE = whole(1, 4096)
_CONFIG = record(
    {
        "channels": _SIZE,
        "size": _SIZE,
        "label_names": mapping_of(list_of(text(1000), most=65_536)),
    },
    {"width": _SIZE},
)


@dataclass(frozen=True)
@bounded
class RecogniserConfig:
    """Input shape and classes of a recogniser."""

    channels: Size
    """Channels of the images, 1 or 3."""
    size: Size
    """Side of the images in pixels."""
    label_names: Mapping[str, tuple[str, ...]]
    """The classes of each label, in the order of their numbers."""
    width: Size = 32
    """Channels of the first layers; they double with every halving of the image, up to four times this."""

    @property
    def features(self) -> int:
        """Dimensions of the features."""
        return 4 * self.width


class Recogniser(nn.Module):
    """Images to features and class logits.

    Convolutions of 3x3 with batch norm, halved by pooling until 4 to 7 pixels are left; features are the mean
    over these. Heads see each place separately, since the left eye's colour depends on the position.
    """

    def __init__(self, config: RecogniserConfig):
        super().__init__()
        if not config.label_names:
            raise UsageError("a recogniser needs at least one label: give labelled images.")
        self.config = config
        side, before, layers = min(config.size, _LARGEST_PIXELS), config.channels, list[nn.Module]()
        width = config.width
        layers += _convolve(before, width)
        while side >= 8:  # Halving before widening costs a quarter.
            after = min(2 * width, config.features)
            layers += [nn.MaxPool2d(2), *_convolve(width, after)]
            width, side = after, side // 2
        layers += _convolve(width, config.features)
        self.layers = nn.Sequential(*layers)
        inputs = config.features * side * side
        # By number: a label may be called as no module can be ("half", "a.b").
        classes = [len(names) for names in config.label_names.values()]
        self.heads = nn.ModuleList(nn.Linear(inputs, count) for count in classes)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """[N,C,H,W] in [-1,1] -> logits [N,classes] by label."""
        return self.named(self.places(x))

    def named(self, places: Tensor) -> dict[str, Tensor]:
        """Return the logits [N,classes] by label of what :meth:`places` returned."""
        seen = places.flatten(1)
        return {n: head(seen) for n, head in zip(self.config.label_names, self.heads, strict=True)}

    def features(self, x: Tensor) -> Tensor:
        """[N,C,H,W] in [-1,1] -> [N,F]: the last layer, averaged over the image."""
        return self.places(x).mean((2, 3))

    def maps(self, x: Tensor) -> list[Tensor]:
        """[N,C,H,W] in [-1,1] -> the activations of each convolution, [N,F,h,w]."""
        x, found = self._taken(x), []
        for layer in self.layers:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                found.append(x)
        return found

    def places(self, x: Tensor) -> Tensor:
        """[N,C,H,W] in [-1,1] -> [N,F,h,w]."""
        return cast(Tensor, self.layers(self._taken(x)))

    def _taken(self, x: Tensor) -> Tensor:
        """Return the images as the first layer takes them."""
        wanted = (self.config.channels, self.config.size, self.config.size)
        if x.shape[1:] != wanted:
            raise UsageError(
                f"this recogniser takes images of shape {wanted} (channels, height, width); these are "
                f"{tuple(x.shape[1:])}."
            )
        return shrunk(x, _LARGEST_PIXELS)


def shrunk(x: Tensor, largest: int) -> Tensor:
    """[N,C,H,W] -> at most ``largest`` pixels a side, each the average of those it stands for."""
    if max(x.shape[2:]) <= largest:
        return x
    return functional.interpolate(x, size=(largest, largest), mode="area")


def digest(module: nn.Module) -> str:
    """Return a hash of all weights, which identifies a network."""
    sha = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        sha.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        sha.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()


def save_recogniser(path: Path, recogniser: Recogniser) -> None:
    """Write weights and config into one file, which appears complete or not at all."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in recogniser.state_dict().items()}
    config = json.dumps(asdict(recogniser.config), ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, save(tensors, metadata={"format": _FORMAT, "config": config}))


def load_recogniser(path: Path) -> Recogniser:
    """The recogniser of a file that :func:`save_recogniser` wrote, in evaluation mode."""
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
    except FileNotFoundError:
        raise CheckpointError(
            f"no recogniser at {path}: there is no such file. Features are classifier, random, none, auto, "
            "inception:FILE, hf:FOLDER, or the file of a recogniser."
        ) from None
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} is not a safetensors file: {error}.") from None
    if about.get("format") != _FORMAT:
        raise CheckpointError(
            f"{path} holds no recogniser of this toolkit (format {about.get('format')!r}, not {_FORMAT!r}). "
            "Features come from networks whose code is here: classifier, random, or a file that a run with "
            "--features classifier wrote."
        )
    config = parsed(about.get("config", ""), _CONFIG, f"the description in {path}")
    config["label_names"] = {name: tuple(v) for name, v in config["label_names"].items()}
    try:
        recogniser = restored_network(lambda: Recogniser(RecogniserConfig(**config)), path)
    except (TypeError, CheckpointError) as error:
        raise CheckpointError(f"{path} is damaged: {str(error).splitlines()[0]}.") from error
    return recogniser.eval().requires_grad_(False)


def _convolve(before: int, after: int) -> list[nn.Module]:
    return [
        nn.Conv2d(before, after, 3, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    ]
