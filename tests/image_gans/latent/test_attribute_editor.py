"""Edits of an attribute where they have a closed form: a linear generator, G(z, y) = W z + V y."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from image_gans.conditions import Conditions
from image_gans.latent.attribute_editor import AttributeEditor
from image_gans.networks.conditional import ConditionalConfig, ConditionalGenerator

NOISE, CLASSES, PIXELS = 3, 2, 12


class Linear(nn.Module):
    """[N,5] -> [N,3,2,2]."""

    def __init__(self):
        super().__init__()
        self.map = nn.Linear(NOISE + CLASSES, PIXELS, bias=False)

    def forward(self, x):
        return self.map(x).view(-1, 3, 2, 2)


@pytest.fixture
def generator():
    torch.manual_seed(0)
    conditions = Conditions(("age",), (("kitten", "old"),))
    return ConditionalGenerator(
        ConditionalConfig(conditions, NOISE, embedding=0), Linear()
    ).double()


def editor(generator, seen=None):
    """The encoder finds 0 for every image; the recogniser's features are a linear map of pixels."""
    weights = torch.eye(PIXELS, dtype=torch.double) if seen is None else seen
    recogniser = SimpleNamespace(places=lambda x: x.flatten(1) @ weights)
    return AttributeEditor(
        generator, lambda x: torch.zeros(len(x), NOISE, dtype=torch.double), recogniser
    )


@pytest.mark.parametrize("way", ["pixels", "identity"])
def test_an_edit_of_what_g_can_draw_is_the_twin(generator, way):
    """W z + V y_0 becomes W z + V y: the search must find z, and the class alone must change."""
    rng = torch.Generator().manual_seed(1)
    z = torch.randn(4, NOISE, generator=rng, dtype=torch.double)
    given, asked = torch.tensor([[0], [1], [0], [1]]), torch.tensor([[1], [0], [1], [1]])
    with torch.no_grad():
        x, twins = (generator(generator.join(z, labels)) for labels in (given, asked))
    made = editor(generator)
    codes = made.codes(x, given, way, 40)
    torch.testing.assert_close(codes, z, atol=1e-4, rtol=0)
    torch.testing.assert_close(made.drawn(codes, asked), twins, atol=1e-4, rtol=0)
    assert made.codes(x, given, "encoder").abs().max() == 0


def test_the_identity_is_what_the_recogniser_sees(generator):
    """The features cannot see the offset of an image outside of G's range: by them the search finds z, and by
    pixels it does not."""
    rng = torch.Generator().manual_seed(2)
    z = torch.randn(2, NOISE, generator=rng, dtype=torch.double)
    told = torch.tensor([[0], [1]])
    seen = torch.randn(PIXELS, 8, generator=rng, dtype=torch.double)
    hidden = torch.linalg.svd(seen).U[:, 8:] @ torch.ones(4, dtype=torch.double)
    torch.testing.assert_close(hidden @ seen, torch.zeros(8, dtype=torch.double))
    with torch.no_grad():
        x = generator(generator.join(z, told)) + 3 * hidden.view(3, 2, 2)
    made = editor(generator, seen)
    torch.testing.assert_close(made.codes(x, told, "identity", 80), z, atol=1e-3, rtol=0)
    assert (made.codes(x, told, "pixels", 80) - z).abs().max() > 0.1
