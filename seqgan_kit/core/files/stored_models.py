"""Networks read back from a description and a safetensors file, neither of which is trusted.

The sizes in a description decide how much memory a network takes and how long it takes to build. So they are
bounded, and the network is first built without memory (torch's ``meta`` device) and compared with the header
of the weights: only what lies in the file is ever allocated.
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
"""Length of a row that a model writes."""
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
    """The settings of a network: names, numbers of a size that a network can have, lists of them."""
    try:
        _named(value)
    except RecursionError:
        raise Misfit(value, "settings that are not nested this deep") from None


def restored_network(build: Callable[[], M], weights: Path) -> M:
    """Return the network that ``build`` makes, with the parameters in a safetensors file.

    Raises:
        CheckpointError: the file cannot be read, or is of a network of other sizes; says which tensor.
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
    # Networks check what people get wrong; what else a file can hold ends in torch's own errors.
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"no network has these settings ({reason})") from error


def _shapes_in(path: Path) -> dict[str, tuple[int, ...]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing: the model was not written to its end.") from None
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} is no safetensors file, or damaged: {error}") from None


def _compare(
    here: dict[str, tuple[int, ...]], there: dict[str, tuple[int, ...]], path: Path
) -> None:
    for name, shape in here.items():
        if name not in there:
            raise CheckpointError(f"{path} lacks {name}, which the described network has")
        if there[name] != shape:
            raise CheckpointError(
                f"{name} has the shape {list(there[name])} in {path}, and {list(shape)} in the network that "
                "model.json describes"
            )
    if further := sorted(there.keys() - here.keys()):
        raise CheckpointError(f"{path} holds {further[0]}, which the described network has not")
