"""Models that an earlier version exported still load and give the same numbers.

``saved_models`` holds what commit 966e493 wrote: ``recipes/mle.py smoke`` on the first 40 bundled captions
with an LSTM of width 4, and ``recipes/dcgan.py smoke --size 16 --width 2 --latent 3``. The numbers are that
commit's.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from image_gans.evaluation.image_export import load_image_model
from seqgan_kit.evaluation.text_export import load_text_model

SAVED = Path(__file__).parent / "saved_models"


def test_a_text_model_of_an_earlier_version() -> None:
    model = load_text_model(SAVED / "text")
    row = torch.tensor([[4, 5, 2] + [0] * (model.generator.length - 3)])
    log_prob = model.generator.sequence_log_prob(row).item()
    assert log_prob == pytest.approx(-13.90446662902832, abs=1e-4)
    first, *_ = model.sample(3, seed=1)
    assert first.startswith("stands sleeping that their heads first kitten huge cat")


def test_an_image_model_of_an_earlier_version() -> None:
    generator = load_image_model(SAVED / "image").generator.eval()
    with torch.no_grad():
        images = generator(torch.linspace(-1, 1, 6).view(2, 3))
    assert images.shape == (2, 3, 16, 16)
    pixel = torch.tensor([0.0014295256696641445, -0.0010850951075553894, 0.0015546042704954743])
    torch.testing.assert_close(images[0, :, 7, 7], pixel, atol=1e-7, rtol=0)
