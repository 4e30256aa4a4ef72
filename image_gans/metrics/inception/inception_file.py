"""The Inception network from a local file: tensors only, every name and shape checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from image_gans.metrics.inception.inception_network import FIDInception
from seqgan_kit.errors import CheckpointError

_WANTED = (
    "Inception features need the file pt_inception-2015-12-05-6726825d.pth, which pytorch-fid and "
    "torch-fidelity use, or the same tensors as .safetensors"
)
_COUNTER = "num_batches_tracked"  # Batch norm's counter of training batches; some copies have it.


def load_inception(path: Path) -> FIDInception:
    """The network with the file's weights, in evaluation mode.

    Raises:
        CheckpointError: the file is missing, is no file of tensors, or is of another network.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise CheckpointError(f"{path} {what}. {_WANTED}.")
    tensors = {name: t for name, t in _read(path).items() if not name.endswith(_COUNTER)}
    with torch.device("meta"):
        network = FIDInception()
    _check_layout(network, tensors, path)
    for name, buffer in network.named_buffers():
        if name.endswith(_COUNTER):
            tensors[name] = torch.zeros_like(buffer, device="cpu")
    network.load_state_dict(
        {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()},
        assign=True,
    )
    return network.eval().requires_grad_(False)


def _read(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        stored: Any = torch.load(path, map_location="cpu", weights_only=True)
    # A file of another format can make the reader raise any error.
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"{path} is no file of tensors ({reason}). {_WANTED}.") from None
    if not isinstance(stored, Mapping) or not all(isinstance(t, Tensor) for t in stored.values()):
        raise CheckpointError(f"{path} holds no mapping of names to tensors. {_WANTED}.")
    return stored


def _check_layout(network: FIDInception, tensors: Mapping[str, Tensor], path: Path) -> None:
    shapes = {
        name: tuple(t.shape)
        for name, t in network.state_dict().items()
        if not name.endswith(_COUNTER)
    }
    missing = [name for name in shapes if name not in tensors]
    further = [name for name in tensors if name not in shapes]
    other = [
        name for name in shapes if name in tensors and tuple(tensors[name].shape) != shapes[name]
    ]
    if missing:
        problem = f"lacks {len(missing)} of {len(shapes)} tensors, among them {missing[0]}"
    elif other:
        name = other[0]
        problem = f"has {name} of shape {list(tensors[name].shape)}, not {list(shapes[name])}"
    elif further:
        problem = f"has {len(further)} further tensors, among them {further[0]}"
    elif bad := [n for n in shapes if not torch.isfinite(tensors[n]).all()]:
        problem = f"has values in {bad[0]} that are not finite"
    else:
        return
    raise CheckpointError(
        f"{path} is an Inception file of another layout: it {problem}. {_WANTED}."
    )
