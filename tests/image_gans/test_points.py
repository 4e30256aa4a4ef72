"""Generators and discriminators of points, the scatter, and the game of modes in the plane."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from image_gans.evaluation.image_export import load_image_model, save_image_model
from image_gans.evaluation.point_scores import PointScorer, PointScores
from image_gans.evaluation.scatter import save_scatter
from image_gans.methods import modes_2d
from image_gans.methods.modes_2d import Modes2DMethod, build
from image_gans.metrics.worlds import point_world
from image_gans.networks.mlp import (
    JudgeConfig,
    Maxout,
    MLPConfig,
    MLPGenerator,
    mlp_discriminator,
)
from image_gans.schedule import ImageTraining
from image_gans.techniques.technique_settings import Techniques
from seqgan_kit.errors import UsageError


def test_maxout_is_the_largest_of_its_linear_maps():
    layer = Maxout(3, 4, pieces=5)
    x = torch.randn(7, 3)
    maps = (x @ layer.linear.weight.T + layer.linear.bias).view(7, 5, 4)
    torch.testing.assert_close(layer(x), maps.max(1).values)


def test_the_defaults_are_pacgans_networks():
    """G 2-400-400-400-400-2 with batch norm, D 2-200-200-200-1 of five pieces; parameters by hand."""
    generator, judge = MLPGenerator(MLPConfig()), mlp_discriminator(JudgeConfig())
    count = sum(p.numel() for p in generator.parameters())
    assert count == 2 * 400 + 3 * 400 * 400 + 4 * 2 * 400 + 400 * 2 + 2
    count = sum(p.numel() for p in judge.parameters())
    assert count == (2 + 1) * 1000 + 2 * (200 + 1) * 1000 + 201
    assert judge(torch.randn(6, 2)).score.shape == (6,)
    assert mlp_discriminator(JudgeConfig("tanh", 128, 2), 3)(torch.randn(2, 6)).score.shape == (2,)


def test_initialisations_are_those_of_the_papers_code():
    """PacGAN: N(0, 0.02); unrolled GAN: orthogonal of gain 1.4, so W W' = 1.4^2; biases 0 in both."""
    torch.manual_seed(0)
    normal = mlp_discriminator(JudgeConfig(judge_initialisation="normal"))
    weights = normal.trunk.layers[1].linear.weight
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
    shape = MLPConfig(256, 128, 2, "tanh", batch_norm=False, initialisation="orthogonal")
    generator = MLPGenerator(shape)
    weights = generator.layers[0].weight
    torch.testing.assert_close(weights @ weights.T, 1.96 * torch.eye(128), rtol=0, atol=1e-4)
    for network in (normal, generator):
        assert not any(p.any() for n, p in network.named_parameters() if n.endswith("bias"))
    with pytest.raises(UsageError, match="Did you mean 'orthogonal'"):
        MLPConfig(initialisation="orthogonl")


def test_unrolling_by_adam_needs_a_d_that_moves_by_adam():
    training, techniques = ImageTraining(optimizer="rmsprop"), Techniques(unrolled_steps=2)
    with pytest.raises(UsageError, match="continues from the moments of D's own adam"):
        modes_2d.phases(training, techniques)
    assert modes_2d.phases(training, replace(techniques, unrolled_optimizer="sgd"))


@pytest.mark.parametrize("config", [MLPConfig(2, 8, 2), MLPConfig(5, 8, 2, "tanh", False)])
def test_a_saved_generator_draws_the_same_points(config, tmp_path):
    generator = MLPGenerator(config).eval()
    save_image_model(tmp_path / "model", generator)
    model = load_image_model(tmp_path)
    z = generator.latents(9, torch.Generator().manual_seed(1))
    torch.testing.assert_close(model.generator(z), generator(z))
    path = model.sample(20, seed=3)
    with Image.open(path) as picture:
        assert picture.size == (512, 512)
    first = model.images(4, seed=3)
    torch.testing.assert_close(model.images(20, seed=3)[:4], first)


def test_points_are_drawn_where_they_are(tmp_path):
    """x to the right, y upwards; a mode without points keeps its colour."""
    centres = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    points = torch.tensor([[1.0, 0.0]]).repeat(50, 1)
    path = save_scatter(points, tmp_path / "a" / "p.png", centres=centres, radius=0.05, pixels=100)
    with Image.open(path) as picture:
        pixels = np.asarray(picture).astype(int)
    right, top = pixels[50, 88], pixels[10, 50]  # the image reaches from -1.3 to 1.3
    assert right[2] > right[0] + 80  # blue
    assert top[0] > top[2] + 80  # orange
    assert pixels[95, 95].tolist() == [255, 255, 255]


def test_points_outside_the_picture_are_left_out(tmp_path):
    centres = torch.tensor([[1.0, 0.0]])
    away = save_scatter(torch.tensor([[1e6, -1e6]]), tmp_path / "a.png", centres=centres)
    none = save_scatter(torch.zeros(0, 2), tmp_path / "b.png", centres=centres)
    assert away.read_bytes() == none.read_bytes()


def test_the_table_shows_the_perfect_generator_beside(rng):
    """A generator that draws from the world itself."""
    world = point_world("ring")
    game = build(
        MLPGenerator(MLPConfig(2, 4, 1)), mlp_discriminator(JudgeConfig()), Modes2DMethod()
    )
    game.players["generator"].sample = lambda n, rng: world.draw(n, rng)
    record = PointScorer(world, PointScores(2500)).record("t", {"truth": game}, 0)
    truth, perfect = record["rows"]
    assert truth["values"]["modes"] == 8
    assert truth["values"]["high_quality"] == pytest.approx(98.89, abs=1)
    assert perfect["values"]["high_quality"] == pytest.approx(98.889, abs=1e-3)
    assert perfect["values"]["reverse_kl"] == pytest.approx(0.00142, abs=5e-5)
    assert truth["values"]["spread"] == pytest.approx(perfect["values"]["spread"], abs=0.03)
    assert [c["key"] for c in record["columns"]] == list(perfect["values"])


@pytest.mark.parametrize("objective", ["non_saturating", "minimax", "least_squares", "hinge"])
def test_every_objective_can_be_chosen(objective, move):
    judge = mlp_discriminator(JudgeConfig("relu", 8, 2), 2)
    method, techniques = Modes2DMethod(objective), Techniques(packing=2)
    game = build(MLPGenerator(MLPConfig(2, 8, 2)), judge, method, techniques)
    assert game.objective.name == objective
    batch = {"real": torch.randn(6, 2)}
    assert game.discriminator_loss(batch, move).total.isfinite()
    assert game.generator_loss(batch, move).total.isfinite()


def test_wrong_settings_are_refused():
    with pytest.raises(UsageError, match="needs a Lipschitz critic"):
        Modes2DMethod("wasserstein")
    with pytest.raises(UsageError, match="Did you mean 'hinge'"):
        Modes2DMethod("hing")
    with pytest.raises(UsageError, match="width is 0"):
        MLPConfig(width=0)
    with pytest.raises(UsageError, match="Did you mean 'maxout'"):
        JudgeConfig("maxou")
    with pytest.raises(UsageError, match="score_samples is 0"):
        PointScores(0)
