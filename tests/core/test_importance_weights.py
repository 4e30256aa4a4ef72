"""Importance weights, effective sample size, and boundary seeking on a generator small enough for loops."""

import math

import pytest
import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import BoundarySeeking, effective_sample_size, importance_weights
from seqgan_kit.core.game import Move
from seqgan_kit.core.objectives import boundary_seeking
from seqgan_kit.core.pools import Pool
from seqgan_kit.errors import UsageError


def test_weights_are_odds_over_their_sum():
    """r = D/(1-D) with D = sigma(logit), by hand."""
    chances = torch.tensor([[0.5, 0.8, 0.2], [0.9, 0.5, 0.5]], dtype=torch.float64)
    odds = torch.tensor([[1, 4, 0.25], [9, 1, 1]], dtype=torch.float64)
    weights = importance_weights(chances.logit())
    torch.testing.assert_close(weights, odds / odds.sum(1, keepdim=True))
    torch.testing.assert_close(importance_weights(chances.logit(), dim=0), odds / odds.sum(0))


def test_weights_of_extreme_verdicts_are_numbers():
    """exp(200) is beyond float32, and exp(-200) is 0: only differences matter."""
    weights = importance_weights(torch.tensor([[200.0, 199.0, -200.0], [-200.0, -201.0, -600.0]]))
    wanted = torch.tensor([1.0, math.exp(-1), 0.0]) / (1 + math.exp(-1))
    torch.testing.assert_close(weights, wanted.expand(2, 3))
    half = importance_weights(torch.zeros(3, dtype=torch.bfloat16))
    assert half.dtype == torch.float32


def test_effective_sample_size():
    """Of k equal weights beside nothing: k."""
    weights = torch.tensor([[0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0, 0], [1, 0, 0, 0]])
    assert effective_sample_size(weights).tolist() == [4, 2, 1]
    assert effective_sample_size(weights.t(), dim=0).tolist() == [4, 2, 1]


class Dice(nn.Module):
    """z picks one of two dice of three sides; a sample is its side."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([[0.3, -0.2, 0.5], [-1.0, 0.4, 0.1]]))
        self.dropout = nn.Dropout(0.5)
        self.drawn: list[Tensor] = []

    def draw_groups(
        self, groups: int, per_group: int, rng: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        z = torch.arange(groups) % 2
        log_probs = self.dropout(self.logits)[z].log_softmax(1)
        sides = torch.multinomial(
            self.logits.detach()[z].softmax(1), per_group, True, generator=rng
        )
        self.drawn.append(sides)
        return sides.unsqueeze(2).float(), log_probs.gather(1, sides)


class Table(nn.Module):
    """The logit of each side; in training mode another one."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.tensor([2.0, -1.0, 0.5]))

    def forward(self, x: Tensor) -> Tensor:
        return self.table[x.long()] + (100.0 * x if self.training else 0.0)


def dice_game(samples: int) -> AdversarialGame:
    discriminator = Discriminator(Table(), 1, score=nn.Identity())
    return AdversarialGame(Dice(), discriminator, boundary_seeking(), BoundarySeeking(samples))


def test_the_loss_by_loops(move):
    """-(1/G) sum over z of sum_m w_m log g(x_m|z), w from the odds of that z's samples alone; D judges in
    evaluation mode, the generator without dropout, and both are back in training mode afterwards."""
    game = dice_game(samples=4)
    loss = game.generator_loss({"real": torch.zeros(6, 1)}, move)
    generator = game.players["generator"]
    (drawn,), table = generator.drawn, [2.0, -1.0, 0.5]
    assert drawn.shape == (6, 4)
    total, sizes = 0.0, 0.0
    for row, sides in enumerate(drawn.tolist()):
        odds = [math.exp(table[side]) for side in sides]
        weights = [r / sum(odds) for r in odds]
        log_probs = generator.logits[row % 2].log_softmax(0).tolist()
        total -= sum(w * log_probs[side] for w, side in zip(weights, sides, strict=True)) / 6
        sizes += 1 / sum(w * w for w in weights) / 6
    assert loss.total.item() == pytest.approx(total, rel=1e-5)
    assert loss.logs["effective_sample_size"].item() == pytest.approx(sizes, rel=1e-5)
    assert all(module.training for module in game.modules())


def test_only_the_generator_gets_a_gradient(move):
    """The gradient of sum_m w_m log softmax(a)[x_m] in a is sum_m w_m (e_xm - softmax(a)), the weights held
    fixed, for the dice of either z."""
    game = dice_game(samples=3)
    game.generator_loss({"real": torch.zeros(2, 1)}, move).total.backward()
    generator = game.players["generator"]
    for z, sides in enumerate(generator.drawn[0]):
        weights = importance_weights(game.players["discriminator"].trunk.table[sides])
        one_hots = nn.functional.one_hot(sides, 3).float()
        wanted = -(weights @ one_hots - generator.logits[z].detach().softmax(0)) / 2
        torch.testing.assert_close(generator.logits.grad[z], wanted)


@pytest.mark.parametrize(("judged", "each"), [(0, 4), (1, 1), (3, 3)])
def test_the_discriminator_learns_from_all_samples_of_a_condition_or_some(move, judged, each):
    """rdevon/BGAN: E log(1 - D) is a mean over all M samples of every z. The first of all z come first."""
    game = dice_game(samples=4)
    game.estimator = BoundarySeeking(4, judged=judged)
    game.players["discriminator"].eval()
    loss = game.discriminator_loss({"real": torch.tensor([[0.0], [2.0]])}, move).total
    (drawn,) = game.players["generator"].drawn
    assert drawn.shape == (2, each)
    table = game.players["discriminator"].trunk.table
    wanted = (
        nn.functional.softplus(-table[[0, 2]]).mean() + nn.functional.softplus(table[drawn]).mean()
    )
    torch.testing.assert_close(loss, wanted)
    fakes = game.estimator.fakes(game, {}, 5, move)
    assert fakes.shape == (5 * each, 1)
    assert not fakes.requires_grad
    assert fakes.flatten().tolist() == game.players["generator"].drawn[-1].t().flatten().tolist()


def test_penalties_see_as_many_fakes_as_reals(move):
    game, seen = dice_game(samples=4), []

    class Recording:
        name = "recording"

        def __call__(self, discriminator, real, fake, rng):
            seen.append((len(real), len(fake)))
            return torch.zeros(())

    game.penalties = (Recording(),)
    game.discriminator_loss({"real": torch.tensor([[0.0], [2.0]])}, move)
    assert seen == [(2, 2)]


def test_more_judged_than_drawn_is_refused():
    with pytest.raises(UsageError, match=r"judged is 5; it must be 0 .*or 1 to 4"):
        BoundarySeeking(4, judged=5)


def test_fakes_come_from_the_pool(move):
    game = dice_game(samples=4)
    pool = Pool(3, torch.zeros(1))
    pool.refill(torch.tensor([[7.0], [8.0], [9.0]]))
    game.players["negatives"] = pool
    assert game.estimator.fakes(game, {}, 4, move)[:, 0].tolist() == [7, 8, 9, 7]


def test_one_sample_has_nothing_to_be_compared_with():
    with pytest.raises(UsageError, match="the samples of each z: 1 is too few"):
        BoundarySeeking(1)


def test_dice_learn_the_data_where_the_condition_says_nothing():
    """With the best D at every step, both dice end near the data, up to the bias of M = 64."""
    data = torch.tensor([0.6, 0.3, 0.1])
    game = dice_game(samples=64)
    game.eval()
    generator, rng = game.players["generator"], torch.Generator().manual_seed(0)
    optimizer = torch.optim.SGD(generator.parameters(), lr=0.5)
    for step in range(150):
        mixture = generator.logits.detach().softmax(1).mean(0)
        game.players["discriminator"].trunk.table.copy_((data / mixture).log())
        optimizer.zero_grad()
        move = Move("adversarial", step, 150, rng)
        game.generator_loss({"real": torch.zeros(64, 1)}, move).total.backward()
        optimizer.step()
    learned = generator.logits.detach().softmax(1)
    torch.testing.assert_close(learned.mean(0), data, atol=0.03, rtol=0)
