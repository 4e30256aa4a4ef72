"""Label embeddings: shapes, dependences of an image, and sampling of labels that are not requested."""

import copy
import json

import pytest
import torch
from conditional_players import corpus, players
from torch import nn

from image_gans.conditions import conditioned
from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.networks.conditional import ConditionalBatchNorm, condition_norms
from image_gans.networks.labelled import (
    JoinedScore,
    LabelledDiscriminator,
    ProjectedScore,
    apart,
    feature_count,
    with_labels,
)
from seqgan_kit.core.penalties import interpolate
from seqgan_kit.errors import UsageError


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("size", "network"), [(16, "dcgan"), (32, "dcgan"), (17, "mlp"), (28, "mlp")]
)
@pytest.mark.parametrize("judge", [JoinedScore, ProjectedScore])
def test_shapes_for_any_size_channels_and_number_of_labels(channels, size, network, judge, rng):
    generator, plain = players(channels=channels, size=size, network=network)
    labels = torch.tensor([[0, 2], [1, 1], [1, 0]])
    pictures = generator.draw(labels, rng)
    assert pictures.shape == (3, channels, size, size)
    assert generator.latents(2, rng).shape == (2, 5 + 2 * 4)
    assert generator.sample(2, rng=rng).shape == (2, channels, size, size)
    features, conditions = feature_count(plain), generator.config.conditions
    head = judge(features, conditions, *((4, 6) if judge is JoinedScore else ()))
    verdict = LabelledDiscriminator(plain, head, 2)(with_labels(pictures, labels))
    assert verdict.score.shape == (3,)
    assert verdict.features.shape == (3, features)


@pytest.mark.parametrize("norm", ["virtual", "reference"])
def test_a_fixed_batch_of_latents_is_refused_where_embeddings_learn(norm):
    with pytest.raises(UsageError, match=r"labels that go on learning.*--generator-norm batch"):
        players(generator_norm=norm)


def test_labels_ride_behind_the_channels_and_survive_mixing_and_noise(rng):
    pictures, labels = torch.rand(4, 1, 5, 5), torch.tensor([[0, 9], [3, 2], [1, 1], [7, 0]])
    labelled = with_labels(pictures, labels)
    assert labelled.shape == (4, 2, 5, 5)
    for samples in (
        labelled,
        labelled + torch.randn(labelled.shape, generator=rng),
        interpolate(labelled, with_labels(torch.rand(4, 1, 5, 5), labels), rng),
        labelled.to(memory_format=torch.channels_last),
    ):
        assert torch.equal(apart(samples, 2)[1], labels)
    assert torch.equal(apart(labelled, 2)[0], pictures)
    with pytest.raises(UsageError, match="26 labels do not fit into a plane of 25 pixels"):
        with_labels(pictures, torch.zeros(4, 26))


def test_the_gradient_of_a_labelled_sample_is_that_of_the_picture_alone():
    generator, plain = players(variant="selu")
    judge = LabelledDiscriminator(
        plain, ProjectedScore(feature_count(plain), generator.config.conditions), 2
    )
    samples = with_labels(torch.rand(2, 3, 16, 16), torch.tensor([[0, 1], [1, 2]])).requires_grad_()
    judge(samples).score.sum().backward()
    assert samples.grad[:, :3].abs().max() > 0
    assert samples.grad[:, 3].abs().max() == 0


@pytest.mark.parametrize("norm", [False, True])
def test_pictures_depend_on_the_labels_and_the_gradient_reaches_their_vectors(norm, rng):
    generator, _ = players(norm=norm)
    for layer in generator.norms:
        nn.init.normal_(layer.modulate.weight)
    noise = generator.noise(1, rng).expand(6, -1)
    labels = torch.tensor([[c, e] for c in (0, 1) for e in (0, 1, 2)])
    generator.eval()
    pictures = generator(generator.join(noise, labels))
    distances = torch.cdist(pictures.flatten(1), pictures.flatten(1)) + torch.eye(6)
    assert distances.min() > 0
    generator.train()
    generator.draw(labels, rng).square().sum().backward()
    for table in generator.embeddings:
        assert (table.weight.grad.abs().sum(1) > 0).all()
    assert all(layer.told is None for layer in generator.norms)


def test_conditional_batch_norm_starts_as_batch_norm_and_is_linear_in_the_labels():
    plain, x = nn.BatchNorm2d(3), torch.randn(8, 3, 4, 4)
    norm = ConditionalBatchNorm(plain, 2)
    norm.told = torch.randn(8, 2)
    torch.testing.assert_close(norm(x), plain(x))
    nn.init.normal_(norm.modulate.weight)
    scale, shift = (norm.told @ norm.modulate.weight.T).split(3, 1)
    wanted = plain(x) * (1 + scale[:, :, None, None]) + shift[:, :, None, None]
    torch.testing.assert_close(norm(x), wanted)


def test_conditional_norms_take_the_place_of_all_batch_norms():
    generator, _ = players(norm=True, size=32)
    kinds = [type(m) for m in generator.inner.modules() if "Norm" in type(m).__name__]
    assert kinds == [ConditionalBatchNorm, nn.BatchNorm2d] * 3
    assert all(not m.affine for m in generator.modules() if isinstance(m, nn.BatchNorm2d))
    with pytest.raises(UsageError, match="this generator has no batch norm"):
        condition_norms(nn.Linear(2, 2), 3)


def test_a_copy_has_norms_of_its_own(rng):
    """As the moving average of a generator is one."""
    generator, _ = players(norm=True)
    twin = copy.deepcopy(generator)
    inside = [m for m in twin.inner.modules() if isinstance(m, ConditionalBatchNorm)]
    assert all(a is b for a, b in zip(twin.norms, inside, strict=True))
    assert twin.norms[0] is not generator.norms[0]
    assert twin.sample(2, rng=rng).shape == (2, 3, 16, 16)


def test_labels_without_a_wish_are_drawn_as_they_occur_together(rng):
    """Coat 0 only with eyes 0, coat 1 with eyes 1 (twice as often as) or 2; never any other pair."""
    told = {
        "coat": torch.tensor([0] * 6 + [1] * 6),
        "eyes": torch.tensor([0] * 6 + [1] * 4 + [2] * 2),
    }
    generator, _ = players(conditioned(corpus(labels=told)))
    drawn = generator.labels(6000, rng)
    pairs, counts = drawn.unique(dim=0, return_counts=True)
    assert pairs.tolist() == [[0, 0], [1, 1], [1, 2]]
    shares = torch.tensor([1 / 2, 1 / 3, 1 / 6])
    assert ((counts / 6000 - shares).abs() < 5 * (shares * (1 - shares) / 6000).sqrt()).all()
    # given coat 1 the other label keeps its frequencies there
    drawn = generator.labels(6000, rng, {0: 1})
    assert (drawn[:, 0] == 1).all()
    assert abs((drawn[:, 1] == 1).float().mean() - 2 / 3) < 5 * (2 / 9 / 6000) ** 0.5
    # a pair that nobody has is drawn all the same
    assert generator.labels(5, rng, {0: 0, 1: 2}).tolist() == [[0, 2]] * 5


def test_the_joined_score_is_a_layer_on_both():
    head = JoinedScore(3, players()[0].config.conditions, 2, 4)
    features, labels = torch.randn(2, 3), torch.tensor([[0, 2], [1, 0]])
    told = torch.cat(
        [features, head.embeddings[0](labels[:, 0]), head.embeddings[1](labels[:, 1])], 1
    )
    hidden = told @ head.joint[0].weight.T + head.joint[0].bias
    wanted = torch.where(hidden > 0, hidden, 0.2 * hidden) @ head.score.weight[0] + head.score.bias
    torch.testing.assert_close(head(features, labels), wanted)


def test_the_projected_score_is_linear_and_its_matrices_have_norm_one():
    """w.phi + b + (v_1 + v_2).phi, every matrix divided by its largest singular value."""
    head = ProjectedScore(7, players()[0].config.conditions)
    for _ in range(100):  # power iterations
        head(torch.randn(2, 7), torch.zeros(2, 2, dtype=torch.long))
    head.eval()
    for matrix in (head.score.weight, *(table.weight for table in head.embeddings)):
        assert torch.linalg.matrix_norm(matrix, 2).item() == pytest.approx(1, rel=1e-3)
    features, labels = torch.randn(2, 7), torch.tensor([[0, 2], [1, 0]])
    v = head.embeddings[0].weight[labels[:, 0]] + head.embeddings[1].weight[labels[:, 1]]
    wanted = (features * (head.score.weight + v)).sum(1) + head.score.bias
    torch.testing.assert_close(head(features, labels), wanted)


@pytest.mark.parametrize("norm", [False, True])
def test_a_conditional_model_comes_back_from_its_files(norm, tmp_path, rng):
    generator, _ = players(norm=norm)
    for layer in generator.norms:
        nn.init.normal_(layer.modulate.weight)
    generator.sample(16, rng=rng)  # running statistics
    save_image_model(tmp_path / "model", generator.eval())
    model = load_image_model(tmp_path)
    for name, tensor in generator.state_dict().items():
        assert torch.equal(model.generator.state_dict()[name], tensor), name
    described = json.loads((tmp_path / "model" / "model.json").read_text())["generator"]
    assert described["inner"]["name"] == "dcgan"
    assert described["config"]["conditions"]["names"] == ["coat", "eyes"]
    labels = torch.tensor([[1, 2]])
    with torch.no_grad():
        z = generator.join(generator.noise(1, torch.Generator().manual_seed(4)), labels)
        torch.testing.assert_close(
            model.images(1, seed=4, condition="coat=white,eyes=odd"), generator(z)
        )
    assert not torch.equal(model.images(3, condition="white"), model.images(3, condition="black"))
    path = model.sample(4, condition="coat=white,eyes=odd")
    assert path.name == "coat=white-eyes=odd-seed-0.png"


def test_the_temperature_leaves_labels_as_they_are(tmp_path):
    generator, _ = players()
    save_image_model(tmp_path / "model", generator)
    model = load_image_model(tmp_path)
    white = model.images(3, condition="white,odd", temperature=0.0)
    torch.testing.assert_close(white, white[:1].expand(3, 3, 16, 16))
    assert not torch.allclose(white[0], model.images(1, condition="black,odd", temperature=0.0)[0])


def test_models_refuse_conditions_that_they_do_not_know(tmp_path):
    generator, _ = players()
    save_image_model(tmp_path / "model", generator)
    with pytest.raises(UsageError, match="Did you mean 'white'"):
        load_image_model(tmp_path).images(1, condition="coat=whit")
    save_image_model(tmp_path / "plain" / "model", generator.inner)
    with pytest.raises(
        UsageError, match="condition 'coat=white': this model was trained without labels"
    ):
        load_image_model(tmp_path / "plain").images(1, condition="coat=white")
