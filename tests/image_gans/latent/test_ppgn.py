"""PPGN: the chain against closed forms, exact conditional laws, losses by hand, and the saved model."""

import json
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from image_gans.evaluation.image_export import load_image_model
from image_gans.evaluation.image_parts import save_image_parts
from image_gans.evaluation.latent.conditional_law import with_seen_labels
from image_gans.evaluation.latent.steering_scores import (
    SteeringScorer,
    SteeringSettings,
    drawing_model,
)
from image_gans.latent.langevin import Steering, steered
from image_gans.methods.latent.ppgn import PPGNMethod, build
from image_gans.metrics.attributes import conditional_marginals, law_marginals
from image_gans.networks.choice import NetworkChoice
from seqgan_kit.data.catworld.scenes.scene import LABEL_NAMES, SceneLaw
from seqgan_kit.data.images.load_images import ImageData, load_images
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import CheckpointError, UsageError

DATA = ImageData(size=16)
STEERING = Steering("joint", epsilon1=0.1, epsilon2=0.5, epsilon3=0.05, moves=5)


def test_a_step_is_equation_5():
    """One feature, R(h) = h / 2, log p(y|h) = -h^2 / 2: h' = (1 - e1 / 2 - e2) h + e3 n."""
    steps = Steering(epsilon1=0.2, epsilon2=0.3, epsilon3=0.5, moves=3)
    shrink, h = 1 - 0.1 - 0.3, torch.tensor([[2.0], [-1.0]])
    found = steered(h, lambda s: s / 2, lambda s: -0.5 * s[:, 0] ** 2, steps, lambda t: 1.0 + t)
    by_hand = h
    for number in range(3):
        by_hand = shrink * by_hand + 0.5 * (1 + number)
    torch.testing.assert_close(found, by_hand)
    without = steered(h, None, None, steps, lambda t: torch.ones(2, 1))
    torch.testing.assert_close(without, h + 3 * 0.5)


def test_langevin_steps_sample_the_posterior():
    """p(h) = N(0, v): the best denoiser at noise sigma is R(h) = h v / (v + sigma^2), with the score of
    N(0, v + sigma^2). For y = h + N(0, tau^2) and P = 1 / (v + sigma^2) + 1 / tau^2, steps of size eta end in
    N(y / tau^2 / P, 1 / P / (1 - eta P / 2))."""
    v, sigma, tau, y, eta = 1.0, 0.5, 0.7, 1.2, 0.1
    steps = Steering(epsilon1=eta / sigma**2, epsilon2=eta, epsilon3=math.sqrt(2 * eta), moves=120)
    rng = torch.Generator().manual_seed(0)
    noise = torch.randn(121, 8000, 1, generator=rng)
    found = steered(
        noise[0],
        lambda h: h * v / (v + sigma**2),
        lambda h: -((y - h[:, 0]) ** 2) / (2 * tau**2),
        steps,
        lambda number: noise[number + 1],
    )
    precision = 1 / (v + sigma**2) + 1 / tau**2
    assert found.mean().item() == pytest.approx(y / tau**2 / precision, abs=0.02)
    assert found.var().item() == pytest.approx(1 / precision / (1 - eta * precision / 2), rel=0.05)


@pytest.mark.parametrize("label", [name for name in LABEL_NAMES if name != "cats"])
def test_conditional_laws_sum_to_the_law(label):
    """sum_c P(label = c) P(other | label = c) = P(other), for every other attribute."""
    law = SceneLaw()
    exact = law_marginals(law)
    parts = [conditional_marginals(law, label, c) for c in range(len(LABEL_NAMES[label]))]
    for name in LABEL_NAMES:
        mixed = sum(p * part[name] for p, part in zip(exact[label], parts, strict=True))
        np.testing.assert_allclose(mixed, exact[name], atol=1e-12)


def test_conditional_laws_by_hand():
    law = SceneLaw()
    tabby = LABEL_NAMES["pattern"].index("tabby")
    joint = np.array(law.coat) * np.array(law.pattern_given_coat)[:, tabby]
    found = conditional_marginals(law, "pattern", tabby)
    np.testing.assert_allclose(found["coat"], joint / joint.sum())
    np.testing.assert_allclose(found["pattern"], np.eye(4)[tabby])
    shut = conditional_marginals(law, "eyes", 1)
    np.testing.assert_allclose(shut["expression"], law.expression_given_eyes[1])
    np.testing.assert_allclose(shut["tilt"], law.tilt)


@pytest.fixture(scope="module")
def corpus():
    return with_seen_labels(load_images(DATA))


@pytest.fixture
def game(corpus):
    torch.manual_seed(0)
    method = PPGNMethod(recogniser_width=2, denoiser_width=8, noise=0.5)
    made = build(NetworkChoice(width=4), DATA, corpus.label_names, method)
    with torch.no_grad():  # away from DCGAN's tiny initial weights, and with running statistics
        for parameter in made.players["generator"].parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        for name in ("recogniser", "denoiser"):
            made.players[name].train()
        for _ in range(30):
            x = to_float(corpus.train[:64])
            made.players["recogniser"](x)
            made.players["denoiser"].standardised(made.encoded(x))
    return made


def test_the_denoiser_starts_as_that_of_normal_features(game, corpus):
    """R(s) = s / (1 + sigma^2) before training, the posterior mean of N(0, 1)."""
    move = SimpleNamespace(rng=torch.Generator().manual_seed(4))
    x = to_float(corpus.train[:16])
    loss = game.denoiser_loss({"real": x}, move).total
    with torch.no_grad():
        s = game.players["denoiser"].standardised(game.encoded(x))
    n = torch.randn(16, loss_features(game), generator=torch.Generator().manual_seed(4))
    by_hand = ((s + 0.5 * n) / 1.25 - s).square().mean()
    assert loss.item() == pytest.approx(by_hand.item(), rel=1e-4)
    assert loss.item() < 0.25


def loss_features(game):
    return game.players["denoiser"].config.features


def test_the_generators_loss_by_hand(game, corpus):
    x = to_float(corpus.train[:6])
    loss = game.generator_loss({"real": x}, SimpleNamespace(rng=None))
    recogniser = game.players["recogniser"]
    recogniser.eval()
    h = recogniser.places(x).flatten(1)
    drawn = game.generator(h)
    score = game.discriminator(drawn).score
    by_hand = (
        10 * (x - drawn).square().mean()
        + (h - recogniser.places(drawn).flatten(1)).square().mean()
        + 0.1 * torch.nn.functional.softplus(-score).mean()
    )
    torch.testing.assert_close(loss.total, by_hand)


def test_features_are_standardised_and_back(game, corpus):
    model = drawing_model(game, STEERING)
    x = to_float(corpus.train[:64])
    h = model.recogniser.places(x).flatten(1)
    s = model.encoded(x)
    torch.testing.assert_close(model.denoiser.features(s), h, atol=1e-4, rtol=1e-4)
    assert s.mean().abs() < 0.3
    with torch.no_grad():
        torch.testing.assert_close(model(s), model.generator(h), atol=1e-3, rtol=1e-3)


def test_chains_of_a_seed_do_not_depend_on_their_number(game):
    model = drawing_model(game, STEERING)
    few, many = (model.latents(n, torch.Generator().manual_seed(1), {0: 2}) for n in (2, 5))
    torch.testing.assert_close(many[:2], few)
    other = model.latents(2, torch.Generator().manual_seed(1), {0: 3})
    assert (other - few).abs().max() > 1e-4


def test_the_condition_climbs_and_the_prior_is_the_round_trip(game):
    wanted, quiet = {0: 2, 5: 1}, replace(STEERING, epsilon1=0.0, epsilon3=0.0, moves=20)
    model = drawing_model(game, quiet)
    start = drawing_model(game, replace(quiet, epsilon2=0.0)).latents(
        4, torch.Generator().manual_seed(2), wanted
    )
    end = model.latents(4, torch.Generator().manual_seed(2), wanted)
    with torch.no_grad():
        seen = model.recogniser(model(start))
        by_hand = seen["coat"].log_softmax(1)[:, 2] + seen["eyes"].log_softmax(1)[:, 1]
        torch.testing.assert_close(model.log_prob(start, wanted), by_hand)
        assert (model.log_prob(end, wanted) > by_hand).all()
    one = replace(STEERING, epsilon1=1.0, epsilon2=0.0, epsilon3=0.0, moves=1)
    tripped = drawing_model(game, one).latents(4, torch.Generator().manual_seed(2), wanted)
    first = drawing_model(game, replace(one, epsilon1=0.0)).latents(
        4, torch.Generator().manual_seed(2), wanted
    )
    with torch.no_grad():
        torch.testing.assert_close(tripped, model.encoded(model(first)), atol=1e-4, rtol=1e-4)


@pytest.fixture
def run_dir(game, corpus, tmp_path):
    scorer = SteeringScorer(corpus, STEERING, SteeringSettings("coat", 4, 16, 8, 6))
    scorer.check(game)
    scorer.export(game, tmp_path / "run" / "model", {})
    return tmp_path / "run"


def test_a_saved_model_draws_as_it_was_told(run_dir, game):
    model = load_image_model(run_dir)
    assert model.sampler.generator.steering == STEERING
    images = model.images(2, seed=3, condition="coat=ginger")
    own = drawing_model(game, STEERING)
    with torch.no_grad():
        by_hand = own(own.latents(2, torch.Generator().manual_seed(3), {0: 2}))
    torch.testing.assert_close(images, by_hand)
    with pytest.raises(UsageError, match="unknown class of 'coat' 'blue'"):
        model.images(1, condition="coat=blue")


def test_a_damaged_description_ends_in_a_sentence(run_dir):
    path = run_dir / "model" / "model.json"
    described = json.loads(path.read_text())
    described["steering"]["prior"] = "magic"
    path.write_text(json.dumps(described))
    with pytest.raises(CheckpointError, match="does not say how to draw"):
        load_image_model(run_dir)


def test_parts_of_different_runs_end_in_a_sentence(run_dir, corpus):
    other = build(NetworkChoice(width=4), DATA, corpus.label_names, PPGNMethod(recogniser_width=3))
    folder = run_dir / "model"
    described = json.loads((folder / "model.json").read_text())
    parts = {name: other.players[name] for name in ("generator", "recogniser")}
    save_image_parts(folder, parts, ("sample",))
    foreign = json.loads((folder / "model.json").read_text())
    for key, name in (("parts", "denoiser"), ("sha256", "denoiser.safetensors")):
        foreign[key][name] = described[key][name]
    (folder / "model.json").write_text(json.dumps(foreign))
    with pytest.raises(CheckpointError, match="not of the same features"):
        load_image_model(run_dir)


def test_images_without_labels_end_in_a_sentence(corpus):
    bare = replace(corpus, label_names={}, train_labels={}, test_labels={})
    with pytest.raises(UsageError, match="no labels, so no recogniser can name a condition"):
        SteeringScorer(bare, STEERING)
    with pytest.raises(UsageError, match="unknown label to steer 'cote'"):
        SteeringScorer(corpus, STEERING, SteeringSettings(steered_label="cote"))
