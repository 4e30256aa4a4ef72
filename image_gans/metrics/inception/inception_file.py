"""The Inception network from a local file: tensors only, every name and shape checked."""

from __future__ import annotations

from pathlib import Path

import torch

from image_gans.metrics.inception.inception_network import FIDInception
from image_gans.metrics.tensor_files import check_layout, read_tensors

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
    stored = read_tensors(path, _WANTED)
    tensors = {name: t for name, t in stored.items() if not name.endswith(_COUNTER)}
    with torch.device("meta"):
        network = FIDInception()
    shapes = {
        name: tuple(t.shape)
        for name, t in network.state_dict().items()
        if not name.endswith(_COUNTER)
    }
    check_layout(shapes, tensors, path, "an Inception file", _WANTED)
    for name, buffer in network.named_buffers():
        if name.endswith(_COUNTER):
            tensors[name] = torch.zeros_like(buffer, device="cpu")
    network.load_state_dict(
        {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()},
        assign=True,
    )
    return network.eval().requires_grad_(False)
