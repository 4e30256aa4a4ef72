"""Load networks from a description and a safetensors file, without trusting either.

The sizes in a description decide how much memory a network takes and how long it takes to build. So they are
limited. The network is first built without memory (torch's ``meta`` device) and compared with the header of
the weights, so that memory is allocated only for tensors that are in the file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn

from seqgan_kit.core.files.json_kinds import (
    Kind,
    Misfit,
    flag,
    list_of,
    number,
    record,
    text,
    whole,
)
from seqgan_kit.errors import CheckpointError, SeqganKitError

M = TypeVar("M", bound=nn.Module)

MOST_TOKENS = 65_536
"""Kind of the length of the rows that a model writes."""
_LARGEST_SETTING = 2**22
_MOST_LAYERS = 256
_number, _text = number(-_LARGEST_SETTING, _LARGEST_SETTING), text(10_000)


def _setting(value: Any) -> None:
    if type(value) is str:
        _text(value)
    elif type(value) is bool:
        flag(value)
    elif type(value) is dict:
        network_settings(value)
    elif type(value) is list:
        _settings(value)
    elif value is not None:
        _number(value)


_layers: Kind = whole(0, _MOST_LAYERS)
_settings = list_of(_setting, most=65_536)
_named = record(
    {}, dict.fromkeys(("layers", "judge_layers", "blocks", "slots"), _layers), others=_setting
)


def network_settings(value: Any) -> None:
    """Check the settings of a network: names, numbers of plausible size, and lists of them."""
    try:
        _named(value)
    except RecursionError:
        raise Misfit(value, "settings that are not nested this deep") from None


def restored_network(build: Callable[[], M], weights: Path) -> M:
    """Return the network that ``build`` makes, with the parameters in a safetensors file.

    Raises:
        CheckpointError: the file cannot be read, or a tensor has another shape; the message names the tensor.
    """
    shapes = _shapes_in(weights)
    with torch.device("meta"):
        skeleton = _built(build)
    _compare({name: tuple(t.shape) for name, t in skeleton.state_dict().items()}, shapes, weights)
    network = _built(build)
    try:
        network.load_state_dict(load_file(weights))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise CheckpointError(f"{weights}: {str(error).splitlines()[0]}") from None
    return network


def _built(build: Callable[[], M]) -> M:
    try:
        return build()
    except SeqganKitError as error:
        raise CheckpointError(str(error)) from error
    # Networks check for common mistakes only; other bad values in a file end in torch's own errors.
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"no network has these settings ({reason})") from error


def _shapes_in(path: Path) -> dict[str, tuple[int, ...]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing: the export was not completed.") from None
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} is damaged or not a safetensors file: {error}") from None


def _compare(
    here: dict[str, tuple[int, ...]], there: dict[str, tuple[int, ...]], path: Path
) -> None:
    for name, shape in here.items():
        if name not in there:
            raise CheckpointError(
                f"{path} lacks {name}, a tensor of the network that model.json describes"
            )
        if there[name] != shape:
            raise CheckpointError(
                f"{name} has shape {list(there[name])} in {path}, but {list(shape)} in the network that "
                "model.json describes"
            )
    if further := sorted(there.keys() - here.keys()):
        raise CheckpointError(
            f"{path} has {further[0]}, which is not in the network that model.json describes"
        )
