"""Augmentation of D's input in the turns of D and G, the probability's rule, LeCam, and consistency."""

import pytest
import torch
from torch import nn

from seqgan_kit.core.adversarial import AdversarialGame, Pathwise
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.game import Move
from seqgan_kit.core.objectives import (
    hinge,
    least_squares,
    non_saturating,
    relativistic,
    wasserstein,
)
from seqgan_kit.core.techniques.augmentation import (
    AdaptiveProbability,
    AugmentedInput,
    ScheduledProbability,
    WithAugmentation,
)
from seqgan_kit.core.techniques.consistency import Consistency
from seqgan_kit.core.techniques.lecam import ScoreAnchors
from seqgan_kit.errors import UsageError


class Line(nn.Module):
    """A trunk [N,1] -> [N,1]: the identity, which records what it sees."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append(x.detach())
        return x


class Point(nn.Module):
    def __init__(self):
        super().__init__()
        self.place = nn.Parameter(torch.tensor(2.0))

    def sample(self, n, *, rng):
        return self.place.expand(n, 1)


def judge_of(layer: AugmentedInput) -> Discriminator:
    judge = Discriminator(layer, 1)
    judge.score.weight.data.fill_(3.0)
    judge.score.bias.data.zero_()
    return judge


def test_d_and_g_see_transformed_samples_and_g_learns_through_the_transformation(move):
    layer = AugmentedInput(line := Line(), lambda x, rng: 5 * x)
    game = AdversarialGame(
        Point(), judge_of(layer), wasserstein(), WithAugmentation(Pathwise(), layer)
    )
    game.discriminator_loss({"real": torch.ones(4, 1)}, move)
    assert [float(x[0]) for x in line.seen] == [5.0, 10.0]
    game.generator_loss({"real": torch.ones(4, 1)}, move).total.backward()
    assert float(line.seen[2][0]) == 10.0
    # G's loss is -3 * 5 * place.
    assert float(game.generator.place.grad) == pytest.approx(-15.0)
    game.eval()
    assert game.discriminate(torch.ones(1, 1)).score.tolist() == [3.0]


def test_the_transformation_draws_from_the_runs_randomness():
    layer = AugmentedInput(line := Line(), lambda x, rng: x + torch.rand(1, generator=rng))
    game = AdversarialGame(
        Point(), judge_of(layer), wasserstein(), WithAugmentation(Pathwise(), layer)
    )
    for _ in range(2):
        move = Move("adversarial", 0, 2, torch.Generator().manual_seed(3))
        game.discriminator_loss({"real": torch.ones(4, 1)}, move)
    assert torch.equal(line.seen[0], line.seen[2])
    assert not torch.equal(line.seen[0], line.seen[1] - 1)


@pytest.mark.parametrize(("right", "expected"), [(10, 0.32), (8, 0.0), (7, 0.0)])
def test_the_probability_follows_the_sign_of_overfitting(right, expected):
    """r_t = (2 right - 10) / 10 is 1, 0.6 and 0.4: up by 40 / 1000 each 4 batches, still, down."""
    adaptive = AdaptiveProbability(target=0.6, length=1000)
    scores = torch.where(torch.arange(10) < right, 3.0, -0.1)
    for _ in range(3):
        adaptive.note(scores)
    assert float(adaptive.probability) == 0
    for _ in range(29):
        adaptive.note(scores)
    assert float(adaptive.probability) == pytest.approx(expected, abs=1e-6)
    for _ in range(4):
        adaptive.note(-torch.ones(10))
    assert float(adaptive.probability) == pytest.approx(max(0, expected - 0.04), abs=1e-6)


def test_adaptation_reads_reals_against_the_undecided_score_and_keeps_the_objective():
    adaptive = AdaptiveProbability(length=100)
    objective = adaptive.watching(least_squares())
    real, fake = torch.tensor([0.4, 0.6, 0.7]), torch.zeros(3)
    for ours, plain in zip(
        objective.discriminator(real, fake), least_squares().discriminator(real, fake), strict=True
    ):
        assert torch.equal(ours, plain)
    assert float(adaptive.signs) == 1.0
    for unfit in (wasserstein(), relativistic(non_saturating())):
        with pytest.raises(UsageError, match="no score at which D is undecided"):
            adaptive.watching(unfit)


def test_a_scheduled_probability_starts_at_nothing_and_ends_exactly():
    schedule = ScheduledProbability(0.5)
    moves = [Move("adversarial", k, 3, torch.Generator()) for k in range(3)]
    assert [schedule(move) for move in moves] == pytest.approx([0, 0.25, 0.5])


def test_lecam_pulls_scores_to_the_other_kinds_mean():
    """weight (D(x) - a_F)^2 and weight (D(G(z)) - a_R)^2, after a <- 0.9 a + 0.1 mean."""
    anchors = ScoreAnchors(decay=0.9)
    objective = anchors.around(hinge(), 2.0)
    objective.discriminator(torch.tensor([1.0, 3.0]), torch.tensor([-1.0, 0.0]))
    assert (float(anchors.real), float(anchors.fake)) == (2.0, -0.5)
    real, fake = torch.tensor([4.0, 6.0], requires_grad=True), torch.tensor([1.0, 1.0])
    of_real, of_fake = objective.discriminator(real, fake)
    a_real, a_fake = 0.9 * 2 + 0.1 * 5, 0.9 * -0.5 + 0.1 * 1
    assert of_real.tolist() == pytest.approx([2 * (4 - a_fake) ** 2, 2 * (6 - a_fake) ** 2])
    assert of_fake.tolist() == pytest.approx([2 + 2 * (1 - a_real) ** 2] * 2)
    of_real.sum().backward()  # the averages have no gradient
    assert real.grad.tolist() == pytest.approx([4 * (4 - a_fake), 4 * (6 - a_fake)])
    assert objective.generator is hinge().generator or objective.generator(fake, None).sum() == -2


def test_consistency_is_the_squared_change_of_the_score(move):
    """Scores are 3x; under T(x) = x + 1 each changes by 3, so both means are 9."""
    layer = AugmentedInput(line := Line(), lambda x, rng: x + 1, always=False)
    penalty = Consistency(layer, 0.5)
    judge = judge_of(layer)
    real, fake = torch.ones(4, 1), torch.zeros(4, 1)
    assert penalty(judge, real, fake, move.rng).item() == pytest.approx(0.5 * (9 + 9))
    judge(real)
    assert torch.equal(line.seen[-1], real)
    layer.transform = lambda x, rng: 2 * x  # reals change by 3, fakes not at all
    assert penalty(judge, real, fake, move.rng).item() == pytest.approx(0.5 * 9)
    with pytest.raises(UsageError, match="weight of consistency is -1"):
        Consistency(layer, -1.0).check(judge)
