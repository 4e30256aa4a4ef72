"""The losses of the classifiers: each by hand, each with gradients for its own player alone."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from image_gans.attacks.attack_settings import GradientAttack, VirtualAttack
from image_gans.attacks.gradient_attacks import pgd
from image_gans.attacks.perturbations import GREY_LEVEL
from image_gans.robust_game import ADVERSARIAL, PLAIN, VIRTUAL, RobustClassifierSettings, RobustGame
from seqgan_kit.core.game import Move

X = torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(0)) - 0.5
Y = torch.tensor([0, 1, 2, 0, 1, 2])
BATCH = {"labelled": X, "classes": Y, "real": X.flip(0)}


def linear():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))


def game_of(*ways, clean_share=0.0, weight=1.0):
    virtual = VirtualAttack(virtual_weight=weight)
    return RobustGame(linear(), ways, GradientAttack(steps=3), clean_share, virtual)


def move():
    return Move("classification", 0, 1, torch.Generator().manual_seed(7))


def test_a_plain_classifier_minimises_the_cross_entropy():
    loss = game_of(PLAIN).classifiers_loss(BATCH, move())
    torch.testing.assert_close(loss.total, functional.cross_entropy(linear()(X), Y))
    assert loss.logs["plain_accuracy"] == (linear()(X).argmax(1) == Y).float().mean()


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_adversarial_training_mixes_attacked_and_clean_images(share):
    loss = game_of(ADVERSARIAL, clean_share=share).classifiers_loss(BATCH, move()).total
    epsilon = 8 * GREY_LEVEL
    attacked = pgd(linear(), X, Y, epsilon=epsilon, step=epsilon / 4, steps=3, rng=move().rng)
    worst, clean = (functional.cross_entropy(linear()(x), Y) for x in (attacked, X))
    assert worst > clean
    torch.testing.assert_close(loss, (1 - share) * worst + share * clean)


def test_virtual_training_weighs_the_divergence_of_unlabelled_images():
    one, three = (game_of(VIRTUAL, weight=w).classifiers_loss(BATCH, move()) for w in (1.0, 3.0))
    named, smooth = one.logs["virtual_class_loss"], one.logs["virtual_divergence"]
    assert smooth > 0
    torch.testing.assert_close(one.total, named + smooth)
    torch.testing.assert_close(three.total, named + 3 * smooth)
    elsewhere = {**BATCH, "real": torch.zeros_like(X)}
    assert game_of(VIRTUAL).classifiers_loss(elsewhere, move()).logs["virtual_divergence"] != smooth


def test_players_learn_apart_from_equal_starts():
    game = game_of(ADVERSARIAL, VIRTUAL, PLAIN)
    weights = [player[1].weight for player in game.players.values()]
    assert all(torch.equal(weights[0], other) for other in weights)
    game.classifiers_loss(BATCH, move()).total.backward()
    alone = game_of(PLAIN)
    alone.classifiers_loss(BATCH, move()).total.backward()
    torch.testing.assert_close(weights[2].grad, alone.players[PLAIN][1].weight.grad)


def test_attacks_leave_batch_norm_alone():
    """Running statistics see one batch a loss: attacked images, or plain ones."""
    classifier = RobustClassifierSettings(width=2).build((1, 8, 8), "coat", ("a", "b", "c"))
    batch = {
        name: functional.interpolate(v, size=8) if v.dim() == 4 else v for name, v in BATCH.items()
    }
    game = RobustGame(classifier, (ADVERSARIAL, VIRTUAL), GradientAttack(), 0.0, VirtualAttack())
    game.train()
    game.classifiers_loss(batch, move())
    counts = {n: int(b) for n, b in game.named_buffers() if n.endswith("num_batches_tracked")}
    assert set(counts.values()) == {1}


def test_samples_are_attacked_images_of_the_first_classifier():
    drawn = game_of(ADVERSARIAL, PLAIN).draw(4, BATCH, torch.Generator().manual_seed(0))
    assert drawn.shape == (4, 1, 4, 4)
    assert 0 < (drawn - X[:4]).abs().max() <= 8 * GREY_LEVEL + 1e-6
