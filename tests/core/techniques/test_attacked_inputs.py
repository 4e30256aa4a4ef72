"""Adversarial training of D: closed forms of a linear D, and an attack of length 0."""

import pytest
import torch
from torch import nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Loss, Move
from seqgan_kit.core.objectives import hinge, non_saturating
from seqgan_kit.core.techniques.attacked_inputs import AttackedInputs
from seqgan_kit.errors import UsageError

W = torch.tensor([[2.0, -1.0, 0.5]], dtype=torch.float64)
REAL = torch.tensor([[0.3, -0.2, 0.1], [0.2, 0.1, -0.4], [-0.1, 0.0, 0.3]], dtype=torch.float64)
FAKE = torch.tensor([[-0.4, 0.1, 0.2], [0.1, 0.3, -0.1], [0.0, -0.3, 0.0]], dtype=torch.float64)


class Fixed(nn.Module):
    """A generator of the fakes above."""

    def sample(self, n, *, rng):
        return FAKE[:n]


def linear(objective=None):
    """A game whose D has the score w x."""
    score = nn.Linear(3, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        score.weight.copy_(W)
    judge = Discriminator(nn.Identity(), 3, score=score)
    return AdversarialGame(Fixed(), judge, objective or non_saturating())


def judged(game) -> Loss:
    return game.discriminator_loss({"real": REAL}, Move("x", 0, 1, torch.Generator()))


@pytest.mark.parametrize("steps", [1, 4])
def test_the_worst_samples_of_a_linear_score(steps):
    """They are x - e sign(w) and G(z) + e sign(w): scores move by e |w|_1 towards the other side's."""
    game, epsilon = linear(), 0.05
    game.judging = AttackedInputs(epsilon, steps)
    clean, (real, fake) = game.judging.worst(game.scores, REAL, FAKE)
    torch.testing.assert_close(real, REAL - epsilon * W.sign())
    torch.testing.assert_close(fake, FAKE + epsilon * W.sign())
    torch.testing.assert_close(clean, ((REAL @ W.T).flatten(), (FAKE @ W.T).flatten()))
    shift = epsilon * W.abs().sum()
    scores = (REAL @ W.T).flatten() - shift, (FAKE @ W.T).flatten() + shift
    found = judged(game)
    wanted = nn.functional.softplus(-scores[0]).mean() + nn.functional.softplus(scores[1]).mean()
    torch.testing.assert_close(found.total, wanted)
    right = ((scores[0] > 0).double().mean() + (scores[1] < 0).double().mean()) / 2
    assert found.logs["robust_accuracy"] == pytest.approx(float(right))
    torch.testing.assert_close(found.logs["robust_gap"], scores[0].mean() - scores[1].mean())
    plain = judged(linear()).logs["discriminator_accuracy"]
    assert found.logs["discriminator_accuracy"] == plain > found.logs["robust_accuracy"]


@pytest.mark.parametrize("objective", [non_saturating(), hinge()])
def test_an_epsilon_of_0_changes_nothing(objective):
    attacked, plain = linear(objective), linear(objective)
    attacked.judging = AttackedInputs(0.0, 3)
    losses = judged(attacked), judged(plain)
    assert losses[0].total == losses[1].total
    weights = (attacked.discriminator.score.weight, plain.discriminator.score.weight)
    slopes = [torch.autograd.grad(x.total, w)[0] for x, w in zip(losses, weights, strict=True)]
    assert torch.equal(*slopes)


def test_a_measured_attack_is_logged_and_not_learnt_from():
    measured, trained, plain = linear(), linear(), linear()
    measured.judging = AttackedInputs(0.2, measures_only=True)
    trained.judging = AttackedInputs(0.2)
    losses = [judged(game) for game in (measured, trained, plain)]
    assert losses[0].total == losses[2].total != losses[1].total
    for name in ("robust_accuracy", "robust_gap", "discriminator_accuracy"):
        assert losses[0].logs[name] == losses[1].logs[name]


def test_perturbed_samples_stay_in_their_range():
    game = linear()
    game.judging = AttackedInputs(0.5, 3, lowest=-0.4, highest=0.4)
    _, moved = game.judging.worst(game.scores, REAL, FAKE)
    for x, origin in zip(moved, (REAL, FAKE), strict=True):
        assert (x - origin).abs().max() <= 0.5
        assert x.abs().max() <= 0.4


def test_batch_norm_sees_the_perturbed_samples_alone():
    trunk = nn.BatchNorm1d(3, dtype=torch.float64)
    game = AdversarialGame(Fixed(), Discriminator(trunk, 3).double(), non_saturating())
    game.judging = AttackedInputs(0.1, 3)
    game.train()
    judged(game)
    assert int(trunk.num_batches_tracked) == 2  # reals and fakes, once each


def test_a_game_with_a_loss_of_its_own_is_refused():
    class Own(AdversarialGame):
        def judge(self, batch, fake, move):
            return Loss(fake.sum())

    game = Own(Fixed(), Discriminator(nn.Identity(), 3), non_saturating())
    with pytest.raises(UsageError, match="Leave out --adversarial-epsilon"):
        AttackedInputs(0.1).enter(game)
