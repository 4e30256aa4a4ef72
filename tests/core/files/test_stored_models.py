"""A description and its weights are compared before memory is allocated."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from seqgan_kit.core.files.json_kinds import Misfit
from seqgan_kit.core.files.stored_models import network_settings, restored_network
from seqgan_kit.errors import CheckpointError


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    save_file(nn.Linear(3, 2).state_dict(), tmp_path / "w.safetensors")
    return tmp_path / "w.safetensors"


def test_the_weights_of_the_file_are_in_the_network(weights: Path) -> None:
    network = restored_network(lambda: nn.Linear(3, 2), weights)
    assert network.weight.device.type == "cpu"
    again = restored_network(lambda: nn.Linear(3, 2), weights)
    assert torch.equal(network.weight, again.weight)


def test_sizes_that_are_not_in_the_file_are_refused_before_they_are_allocated(
    weights: Path,
) -> None:
    built: list[str] = []

    def absurd() -> nn.Module:
        network = nn.Linear(2**22, 2**22)  # 64 TiB
        built.append(network.weight.device.type)
        return network

    began = time.monotonic()
    with pytest.raises(CheckpointError, match=r"weight has shape \[2, 3\] in .*w\.safetensors"):
        restored_network(absurd, weights)
    assert built == ["meta"]
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda: nn.Sequential(nn.Linear(3, 2)), r"lacks 0\.weight"),
        (lambda: nn.Linear(3, 2, bias=False), r"has bias, which is not in the network"),
        (lambda: nn.Linear(-1, 2), r"no network has these settings"),
        (lambda: nn.Conv2d(3, 2, 1, groups=2), r"no network has these settings \(in_channels"),
    ],
)
def test_other_networks_are_named(weights: Path, network, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CheckpointError, match=message):
        restored_network(network, weights)


def test_damaged_and_missing_weights_are_named(weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:20])
    with pytest.raises(CheckpointError, match="is damaged or not a safetensors file"):
        restored_network(lambda: nn.Linear(3, 2), weights)
    with pytest.raises(CheckpointError, match="is missing"):
        restored_network(lambda: nn.Linear(3, 2), weights.with_name("none"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": 10**9}, "from 0 to 256"),
        ({"hidden": 10**9}, "from -4.1943e"),
        ({"a": {"width": 1e30}}, "finite number"),
        ({"filters": [[1, 10**12]]}, "finite number"),
        ([], "an object"),
    ],
)
def test_settings_have_bounds(settings: object, message: str) -> None:
    with pytest.raises(Misfit, match=message):
        network_settings(settings)
