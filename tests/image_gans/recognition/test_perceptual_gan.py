"""Perceptual GAN: its losses by hand, and G's start at plain upsampling."""

import pytest
import torch
from torch.nn import functional

from image_gans.evaluation.recognition.far_scores import NEAR, PLAIN, FarScorer, FarScoreSettings
from image_gans.far_near import FarLabels, FarNear, far_near
from image_gans.methods.recognition.perceptual_gan import PerceptualGANMethod, build
from image_gans.metrics.recogniser import Recogniser, RecogniserConfig
from image_gans.networks.far_classifier import FarClassifier
from seqgan_kit.core.game import Move
from seqgan_kit.data.images.corruptions import interpolated, low_resolution
from seqgan_kit.data.images.pixels import to_float, to_uint8
from seqgan_kit.data.pairs.image_pair_config import ImagePairData
from seqgan_kit.data.pairs.image_pairs import load_image_pairs
from seqgan_kit.errors import DataError, UsageError

NAMES = {"eyes": ("open", "shut"), "mood": ("calm", "happy", "grumpy")}
CONFIG = RecogniserConfig(channels=1, size=16, label_names=NAMES, width=2)


def recogniser(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Recogniser(CONFIG).eval().requires_grad_(False)


def game_of(**settings):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        chosen = {"blocks": 1, "hidden": 5, "last_hidden": 4, **settings}
        return build(recogniser(), 2, PerceptualGANMethod(**chosen))


def batch(n=6):
    rng = torch.Generator().manual_seed(2)
    near = torch.rand(n, 1, 16, 16, generator=rng) * 2 - 1
    labels = {
        "label.eyes": torch.tensor([0, 1] * 3)[:n],
        "label.mood": torch.tensor([2, -1, 0] * 2)[:n],
    }
    return {"far": low_resolution(near, rng, 2), "real": near.flip(0), **labels}


def move():
    return Move("features", 0, 1, torch.Generator().manual_seed(0))


def moved(game):
    """Give G's last layer weights, so that its residual is not 0."""
    with torch.no_grad():
        game.generator.layers[-1].weight.normal_(0, 0.3, generator=torch.Generator().manual_seed(4))
    return game


def test_an_untrained_g_is_plain_upsampling():
    game, far = game_of(), batch()["far"]
    whole = FarClassifier(game.config, game.recogniser, game.generator).eval()
    plain = recogniser()(interpolated(far, 2))
    for label, logits in whole(far).items():
        torch.testing.assert_close(logits, plain[label])


def test_features_are_the_rectified_sum_of_the_last_map_and_a_residual_of_the_first():
    game, far = moved(game_of()).eval(), batch()["far"]
    maps = recogniser().maps(interpolated(far, 2))
    assert [tuple(m.shape[1:]) for m in (maps[0], maps[-1])] == [(2, 16, 16), (8, 4, 4)]
    wanted = (maps[-1] + game.generator(maps[0])).clamp_min(0)
    drawn = game.draw(len(far), batch(), move().rng)
    torch.testing.assert_close(drawn, wanted)
    assert not torch.allclose(drawn, maps[-1])


def test_losses_are_those_of_the_equations():
    """D: softplus(-s(F(y))) + softplus(s(F')); G: a softplus(-s(F')) + p J, with -1 for no label."""
    game, rows = moved(game_of(adversarial_weight=0.5, perception_weight=3.0)).eval(), batch()
    near = recogniser().places(rows["real"])
    far = game.draw(6, rows, move().rng)
    real_score, fake_score = game.discriminator(near).score, game.discriminator(far).score
    wanted = functional.softplus(-real_score).mean() + functional.softplus(fake_score).mean()
    torch.testing.assert_close(game.discriminator_loss(rows, move()).total, wanted)
    logits = recogniser().named(far)
    eyes = functional.cross_entropy(logits["eyes"], rows["label.eyes"])
    known = rows["label.mood"] >= 0
    mood = functional.cross_entropy(
        logits["mood"][known], rows["label.mood"][known], reduction="sum"
    )
    named = eyes + mood / 6
    wanted = 0.5 * functional.softplus(-fake_score).mean() + 3.0 * named
    torch.testing.assert_close(game.generator_loss(rows, move()).total, wanted)


def test_baselines_begin_where_the_method_does():
    game, rows = game_of().eval(), batch()
    named = game.generator_loss(rows, move()).logs["perception_loss"]
    torch.testing.assert_close(game.baseline_loss(rows, move()).total, named)
    torch.testing.assert_close(game.tuned_loss(rows, move()).total, named)
    game.tuned_loss(rows, move()).total.backward()
    assert all(p.grad is not None for p in game.players["tuned"].parameters())
    assert not any(p.requires_grad for p in game.recogniser.parameters())
    assert not game.train().recogniser.training


def told_of(n=8):
    rng = torch.Generator().manual_seed(3)
    near = torch.randint(0, 256, (n, 1, 16, 16), generator=rng, dtype=torch.uint8)
    far = to_uint8(low_resolution(to_float(near), rng, 2))
    named = recogniser()(to_float(near))
    labels = {name: logits.argmax(1) for name, logits in named.items()}
    return FarNear(far, near, far, near, labels, labels, NAMES, 2)


def test_scores_of_near_images_and_of_plain_upsampling():
    """Labels are what the classifier says of near images: it is right of all, and features err by 0."""
    told, game = told_of(), game_of()
    scorer = FarScorer(told, recogniser(), game.config, FarScoreSettings(8, 8))
    rows = {r["name"]: r for r in scorer.record("x", {"perceptual GAN": game}, 0)["rows"]}
    assert rows[NEAR]["values"] == {"eyes": 1.0, "mood": 1.0, "feature_error": 0.0}
    plain, far = rows[PLAIN]["values"], to_float(told.far_test)
    high, near = (
        recogniser().places(x).flatten(1) for x in (interpolated(far, 2), to_float(told.near))
    )
    error = ((high - near).square().sum(1) / near.square().sum(1)).mean()
    assert plain["feature_error"] == pytest.approx(float(error), rel=1e-5)
    right = (recogniser()(interpolated(far, 2))["eyes"].argmax(1) == told.labels["eyes"]).float()
    assert plain["eyes"] == pytest.approx(float(right.mean()))
    assert rows["perceptual GAN"]["values"] == plain
    assert "feature_error" not in rows["classifier tuned on far"]["values"]


def test_far_and_near_images_of_a_batch_are_no_pairs():
    told = told_of()
    rows = told.feed(8, seed=5).next_batch()
    assert set(rows) == {"far", "real", "label.eyes", "label.mood"}
    order = [int((to_float(told.far) == x).flatten(1).all(1).nonzero()) for x in rows["far"]]
    near = [int((to_float(told.near) == x).flatten(1).all(1).nonzero()) for x in rows["real"]]
    assert sorted(order) == sorted(near) == list(range(8))
    assert order != near
    assert torch.equal(rows["label.mood"], told.labels["mood"][order])


def test_mistakes_are_told():
    pairs = load_image_pairs(ImagePairData("catworld:near", size=16, world_pairs=12))
    with pytest.raises(UsageError, match="unknown label 'eye'"):
        far_near(pairs, FarLabels(("eye",)), None)
    with pytest.raises(UsageError, match="give --labels some of coat"):
        far_near(pairs, FarLabels(()), None)
    bare = load_image_pairs(ImagePairData("catworld:near", size=16, world_pairs=12, reverse=True))
    with pytest.raises(DataError, match="no labels to learn"):
        far_near(bare, FarLabels(), None)
