"""Networks' weights from a local file: tensors only, every name and shape checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from seqgan_kit.errors import CheckpointError


def read_tensors(path: Path, wanted: str) -> dict[str, Tensor]:
    """Return the tensors of a .safetensors file or of a file of ``torch.save``, by name.

    Args:
        path: the file.
        wanted: a sentence without its full stop that says which file is needed, for messages.

    Raises:
        CheckpointError: the file is missing or is no file of tensors.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise CheckpointError(f"{path} {what}. {wanted}.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        stored: Any = torch.load(path, map_location="cpu", weights_only=True)
    # A file of another format can make the reader raise any error.
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        if reason.startswith("Weights only load failed"):  # and advice to read the file unsafely
            reason = "it is damaged, or holds more than tensors"
        raise CheckpointError(f"{path} is no file of tensors ({reason}). {wanted}.") from None
    if not isinstance(stored, Mapping) or not all(isinstance(t, Tensor) for t in stored.values()):
        raise CheckpointError(f"{path} holds no mapping of names to tensors. {wanted}.")
    return dict(stored)


def check_layout(
    shapes: Mapping[str, Sequence[int]],
    tensors: Mapping[str, Tensor],
    path: Path,
    kind: str,
    wanted: str,
) -> None:
    """Raise CheckpointError for a file whose tensors are not exactly these, or not finite.

    Args:
        shapes: shape of each tensor by name.
        tensors: what the file holds.
        path: the file.
        kind: what the file should be, as in "an Inception file".
        wanted: a sentence without its full stop that says which file is needed.
    """
    missing = [name for name in shapes if name not in tensors]
    further = [name for name in tensors if name not in shapes]
    other = [n for n in shapes if n in tensors and tuple(tensors[n].shape) != tuple(shapes[n])]
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
    raise CheckpointError(f"{path} is {kind} of another layout: it {problem}. {wanted}.")
