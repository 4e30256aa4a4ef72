"""Labels as one-hot vectors: a scale and a shift per class in G's norms, and no label in its input."""

import json

import pytest
import torch
from conditional_players import corpus
from torch import nn

from image_gans.conditions import conditioned
from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.conditional import (
    ConditionalBatchNorm,
    ConditionalGenerator,
    ConditionSettings,
    build_conditional_networks,
)
from image_gans.networks.labelled import JoinedScore
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import UsageError


def generator_of(**settings: object) -> ConditionalGenerator:
    torch.manual_seed(0)
    choice = NetworkChoice("resnet", width=2, latent=5, growth=2, discriminator_norm="spectral")
    labelled = conditioned(corpus(size=16))
    told = ConditionSettings(conditional_norm=True, **settings)  # type: ignore[arg-type]
    return build_conditional_networks(choice, ImageData(size=16), labelled, told)[0]


@pytest.fixture
def papers() -> ConditionalGenerator:
    """The generator of the projection discriminator's paper, with random tables as if trained."""
    generator = generator_of(embedding=0, labels_in_input=False)
    for norm in generator.norms:
        nn.init.normal_(norm.modulate.weight)
    return generator


def test_every_norm_has_a_row_for_each_class(papers, rng):
    sizes = [len(classes) for classes in papers.config.conditions.classes]
    norms = [m for m in papers.modules() if isinstance(m, ConditionalBatchNorm)]
    assert len(norms) == 2 * 2 + 1
    for norm in norms:
        channels = norm.norm.num_features
        assert norm.modulate.weight.shape == (2 * channels, sum(sizes))
        assert norm.modulate.bias is None
    table = norms[0].modulate.weight
    labels = torch.tensor([[0, 2], [1, 0]])
    norms[0].told = papers.join(torch.zeros(2, 5), labels)[:, 5:]
    x = torch.randn(2, norms[0].norm.num_features, 4, 4, generator=rng)
    wanted = norms[0].norm.eval()(x)
    for row, (first, second) in enumerate(labels.tolist()):
        scale, shift = (table[:, first] + table[:, sizes[0] + second]).chunk(2)
        found = norms[0].eval()(x)[row]
        torch.testing.assert_close(
            found, wanted[row] * (1 + scale)[:, None, None] + shift[:, None, None]
        )


def test_the_input_knows_no_label(papers, rng):
    assert papers.inner.config.latent == 5
    assert papers.latents(3, rng).shape == (3, 5 + papers.norms[0].modulate.in_features)
    noise, other = torch.randn(1, 5), generator_of(embedding=0)
    assert other.inner.config.latent == 5 + papers.norms[0].modulate.in_features
    one, two = (papers.eval()(papers.join(noise, torch.tensor([row]))) for row in ([0, 0], [1, 0]))
    assert (one - two).abs().max() > 1e-3
    for norm in papers.norms:
        nn.init.zeros_(norm.modulate.weight)
    one, two = (papers(papers.join(noise, torch.tensor([row]))) for row in ([0, 0], [1, 0]))
    assert torch.equal(one, two)


def test_a_saved_one_draws_the_same_pictures(papers, tmp_path):
    papers.sample(16, rng=torch.Generator().manual_seed(1))
    save_image_model(tmp_path / "model", papers.eval())
    model = load_image_model(tmp_path)
    z = papers.latents(3, torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.testing.assert_close(model.generator(z), papers(z))


def test_models_saved_before_labels_could_stay_out_of_the_input_still_load(tmp_path):
    generator = generator_of(embedding=3)
    save_image_model(tmp_path / "model", generator)
    path = tmp_path / "model" / "model.json"
    described = json.loads(path.read_text())
    del described["generator"]["config"]["labels_in_input"]
    path.write_text(json.dumps(described))
    z = generator.latents(2, torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.testing.assert_close(load_image_model(tmp_path).generator(z), generator.eval()(z))


def test_d_can_be_told_one_hot_labels_too(papers):
    judge = JoinedScore(7, papers.config.conditions, 0, 6)
    assert judge.joint[0].in_features == 7 + papers.norms[0].modulate.in_features
    assert judge(torch.rand(2, 7), torch.tensor([[0, 2], [1, 1]])).shape == (2,)


def test_a_generator_that_is_told_nothing_is_refused():
    with pytest.raises(UsageError, match="are both off"):
        ConditionSettings(labels_in_input=False)
    with pytest.raises(UsageError, match="embedding is -1; it must be 0 or more"):
        ConditionSettings(embedding=-1)
