"""Historical averaging: the running mean, the term and its gradient, resumption, and convergence."""

import copy

import pytest
import torch
from torch import Tensor, nn

from seqgan_kit.core.techniques.history import HistoricalPenalty, History
from seqgan_kit.errors import UsageError


def walk(player: nn.Module, history: History, steps: int) -> list[list[Tensor]]:
    rng, visited = torch.Generator().manual_seed(0), []
    for _ in range(steps):
        history.remember(player)
        visited.append([p.detach().clone() for p in player.parameters()])
        for parameter in player.parameters():
            parameter.data.add_(torch.randn(parameter.shape, generator=rng))
    return visited


def test_the_mean_is_that_of_all_visited_parameters():
    player = nn.Linear(3, 2)
    history = History(player)
    visited = walk(player, history, 7)
    for number, mean in enumerate(history.means()):
        wanted = torch.stack([parameters[number] for parameters in visited]).mean(0)
        torch.testing.assert_close(mean, wanted)


def test_the_term_and_its_gradient_by_hand(rng):
    """theta was 1 and 3, is 5: mean 2, weight 0.5: the term is 0.5 * 9, its gradient 0.5 * 2 * 3."""
    player = nn.Linear(1, 1, bias=False)
    history = History(player)
    penalty = HistoricalPenalty(history, 0.5)
    found = []
    for value in (1.0, 3.0, 5.0):
        player.weight.data.fill_(value)
        found.append(penalty(player, torch.zeros(1), torch.zeros(1), rng))
    assert [term.item() for term in found] == [0, 0.5 * 4, 0.5 * 9]
    found[-1].backward()
    assert player.weight.grad.item() == pytest.approx(3.0)
    assert history.moves.item() == 3


def test_a_history_is_exact_after_saving_and_loading():
    player = nn.Linear(3, 2)
    history = History(player)
    walk(player, history, 3)
    assert next(history.parameters(), None) is None  # private to its process, and in the checkpoint
    other = History(nn.Linear(3, 2))
    other.load_state_dict(copy.deepcopy(history.state_dict()))
    assert torch.equal(other.distance(player), history.distance(player))
    history.remember(player)
    other.remember(player)
    assert all(torch.equal(a, b) for a, b in zip(history.means(), other.means(), strict=True))


@pytest.mark.parametrize(("weight", "closer"), [(0.0, False), (1.0, True)])
def test_it_ends_the_circling_of_a_bilinear_game(weight, closer):
    """x minimises x y, y minimises -x y, simultaneous steps from (1, 1): plain steps spiral outwards
    (Salimans et al. name this very game); near their history both come to the equilibrium 0."""
    x, y = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    for player in (x, y):
        player.weight.data.fill_(1.0)
    histories = History(x), History(y)
    for _ in range(400):
        losses = (
            (x.weight * y.weight.detach()).sum() + weight * histories[0].distance(x),
            (-x.weight.detach() * y.weight).sum() + weight * histories[1].distance(y),
        )
        for player, history, loss in zip((x, y), histories, losses, strict=True):
            (gradient,) = torch.autograd.grad(loss, player.weight)
            history.remember(player)
            player.weight.data.sub_(0.1 * gradient)
    distance = (x.weight.square() + y.weight.square()).sqrt().item()
    assert (distance < 1) == closer
    assert (distance > 2) != closer


def test_a_negative_weight_is_refused():
    player = nn.Linear(1, 1)
    with pytest.raises(UsageError, match="historical averaging is -1"):
        HistoricalPenalty(History(player), -1.0).check(player)
