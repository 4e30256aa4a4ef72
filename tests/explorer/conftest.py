"""Small runs of untrained models: text with a discriminator, text with sources, two kinds of images."""

from __future__ import annotations

import pytest
import torch
from explorer_runs import log_of, save_text

from image_gans.evaluation.image_export import save_image_model
from image_gans.evaluation.image_parts import save_image_parts
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator
from image_gans.networks.translators.image_encoder import GaussianEncoder
from seqgan_kit.cli.explore.explore_command import opened
from seqgan_kit.explorer.opened_run import OpenedRun


@pytest.fixture(scope="session")
def text_run(tmp_path_factory: pytest.TempPathFactory) -> OpenedRun:
    folder = tmp_path_factory.mktemp("runs") / "text"
    log_of(folder)
    return opened(save_text(folder))


@pytest.fixture(scope="session")
def pair_run(tmp_path_factory: pytest.TempPathFactory) -> OpenedRun:
    return opened(save_text(tmp_path_factory.mktemp("runs") / "pairs", given=3))


@pytest.fixture(scope="session")
def image_run(tmp_path_factory: pytest.TempPathFactory) -> OpenedRun:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("runs") / "image"
    generator = DCGANGenerator(DCGANConfig(size=16, width=2, latent=5))
    with torch.no_grad():
        for weights in generator.parameters():
            weights.mul_(8)  # As drawn, they give grey images.
    save_image_model(folder / "model", generator)
    return opened(folder)


@pytest.fixture(scope="session")
def vae_run(tmp_path_factory: pytest.TempPathFactory) -> OpenedRun:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("runs") / "vae"
    config = DCGANConfig(size=16, width=2, latent=5, variant="batchnorm")
    parts = {"encoder": GaussianEncoder(config), "generator": DCGANGenerator(config)}
    save_image_parts(folder / "model", parts, ("rebuild", "sample"))
    return opened(folder)
