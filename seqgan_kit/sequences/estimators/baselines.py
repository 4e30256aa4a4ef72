"""Baselines that are subtracted from rewards in a policy gradient.

    E sum_t grad log G(y_t | y_<t) b(y_<t) = 0

for any b that does not depend on y_t, so subtracting it does not change the expected gradient. A good
baseline removes most of the variance; one that depends on y_t or on its reward biases the gradient.

- ``batch``: the mean reward of the other sequences at the same position.
- ``moving_average``: the mean reward of past updates at the same position.
- ``leave_one_out``: the mean reward of the other actions tried after the same prefix (``leave_one_out.py``).
- ``critic``: a learned value of the prefix, from the generator's hidden state (Ranzato et al. 2016,
  "Sequence level training with recurrent neural networks", section 3.2.1).
- ``self_critical``: the reward of the sequence that G writes greedily for the same condition (Rennie et al.
  2017, "Self-critical sequence training for image captioning", eq. 9). The estimator computes it.

Some need their own players: :func:`baseline_players` makes them, :func:`learning_players` names those that
must be part of the generator's turn, and :func:`baseline_turns` returns the turns to play after it.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from seqgan_kit.core.adversarial import AdversarialGame
from seqgan_kit.core.discriminator import evaluating
from seqgan_kit.core.game import Game, Loss, Turn
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.errors import UsageError, unknown
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator

Baseline = Literal["none", "batch", "moving_average", "leave_one_out", "critic", "self_critical"]
BASELINES: tuple[Baseline, ...] = (
    "none",
    "batch",
    "moving_average",
    "leave_one_out",
    "critic",
    "self_critical",
)

Player = TypeVar("Player", bound=nn.Module)


def check_baseline(baseline: str, rollouts: int, lags: bool = False) -> None:
    """Raise UsageError for an unknown baseline, or one that needs more rollouts or a policy without lag."""
    if baseline not in BASELINES:
        raise unknown("baseline", baseline, BASELINES)
    if baseline != "leave_one_out":
        return
    if rollouts < 2:
        raise UsageError(
            "leave_one_out compares the completions of a prefix with each other, but rollouts is "
            f"{rollouts}: use at least 2, or another baseline."
        )
    if lags:
        raise UsageError(
            "leave_one_out treats the completions' first tokens as the generator's actions, so the "
            "generator itself must roll out: set rollout_lag to 0, or use another baseline."
        )


def mean_of_others(values: Tensor, mask: Tensor) -> Tensor:
    """Return, in cell [b,t], the mean of ``values`` [B,T] at t over the *other* sequences with a token there.

    The others are independent of sequence b, so subtracting this does not change the expected gradient; a
    mean that included b's own reward would shrink it. Cells without other sequences are 0.
    """
    present = mask.to(values.dtype)
    others = present.sum(0) - present
    return ((values * present).sum(0) - values * present) / others.clamp(min=1)


class RewardAverage(nn.Module):
    """A moving average of rewards at each position; the weight of older updates falls by ``decay`` per
    update.

    Args:
        length: T.
        decay: in [0, 1); 0 uses only the last update.
    """

    totals: Tensor
    weights: Tensor

    def __init__(self, length: int, decay: float = 0.9):
        super().__init__()
        if not 0 <= decay < 1:
            raise UsageError(f"the moving average's decay is {decay}; use 0 or more, below 1.")
        self.decay = decay
        self.register_buffer("totals", torch.zeros(length))
        self.register_buffer("weights", torch.zeros(length))

    def means(self) -> Tensor:
        """Return the means [T]; 0 at positions without any reward so far."""
        return self.totals / torch.where(self.weights > 0, self.weights, 1)

    def use(self, values: Tensor, mask: Tensor) -> Tensor:
        """Return the means [T] of earlier updates, then add the ``values`` [B,T] of this one."""
        means = self.means()
        count = mask.sum(0)
        # A position that no sequence has reached keeps its mean, and its weight does not decay to 0.
        decay = torch.where(count > 0, self.decay, 1.0)
        self.totals.mul_(decay).add_((values * mask).sum(0))
        self.weights.mul_(decay).add_(count)
        return means


class Experience(nn.Module):
    """The sequences and action values of the last update, on which the critic is trained.

    Args:
        batch_size: B.
        length: T.
        given: S.
    """

    tokens: Tensor
    values: Tensor

    def __init__(self, batch_size: int, length: int, given: int = 0):
        super().__init__()
        shape = (batch_size, given + length)
        self.register_buffer("tokens", torch.zeros(shape, dtype=torch.int64))
        self.register_buffer("values", torch.zeros(batch_size, length))

    def remember(self, tokens: Tensor, values: Tensor) -> None:
        """Store an update's sequences and values in place of the previous ones."""
        if tokens.shape != self.tokens.shape:
            raise UsageError(
                f"the critic's experience has shape {tuple(self.tokens.shape)}, but the tokens have "
                f"{tuple(tokens.shape)}: give baseline_players the feed's batch size."
            )
        self.tokens.copy_(tokens)
        self.values.copy_(values)


class Critic(nn.Module):
    """V(y_<t), linear in the generator's hidden state after y_<t and initially 0.

    Args:
        hidden: width of the hidden states.
    """

    def __init__(self, hidden: int):
        super().__init__()
        self.value = nn.Linear(hidden, 1)
        nn.init.zeros_(self.value.weight)
        nn.init.zeros_(self.value.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map hidden states [B,T,H] to values [B,T], in float32 also under autocast."""
        with torch.autocast(hidden.device.type, enabled=False):
            values: Tensor = self.value(hidden.float())
        return values.squeeze(-1)


def baseline_players(
    baseline: Baseline, generator: SequenceGenerator, batch_size: int, decay: float = 0.9
) -> dict[str, nn.Module]:
    """Return the players that a baseline adds to the game (``decay`` is the moving average's)."""
    if baseline == "moving_average":
        return {"reward_average": RewardAverage(generator.length, decay)}
    if baseline == "critic":
        return {
            "critic": Critic(generator.output.in_features),
            "experience": Experience(batch_size, generator.length, generator.given),
        }
    return {}


def learning_players(baseline: Baseline) -> tuple[str, ...]:
    """Return the players that the generator's loss updates; they follow it in the players of its turn."""
    return {"moving_average": ("reward_average",), "critic": ("experience",)}.get(baseline, ())


def baseline_turns(baseline: Baseline, optimizer: Optimizer, moves: int = 1) -> tuple[Turn, ...]:
    """Return the turns after the generator's; the game's method ``critic_loss`` must return
    :func:`critic_loss`."""
    if baseline != "critic":
        return ()
    return (Turn(("critic",), loss="critic_loss", optimizer=optimizer, moves=moves, feed=None),)


def baseline_values(
    baseline: Baseline, game: AdversarialGame, tokens: Tensor, values: Tensor, mask: Tensor
) -> Tensor:
    """Return the baseline of the action values [B,T] of sampled rows [B,S+T]; it broadcasts to [B,T].

    The moving average and the critic's experience also record this update, for the next one.
    """
    if baseline == "batch":
        return mean_of_others(values, mask)
    if baseline == "moving_average":
        return _player(game, "reward_average", RewardAverage).use(values, mask)
    if baseline == "critic":
        _player(game, "experience", Experience).remember(tokens, values)
        with torch.no_grad():
            return critic_values(game, tokens)
    return torch.zeros_like(values)


def critic_values(game: Game[SequenceGenerator], tokens: Tensor) -> Tensor:
    """Return V(y_<t) [B,T] of every prefix of rows [B,S+T]; only the critic gets a gradient."""
    generator = game.generator
    with torch.no_grad(), evaluating(generator):
        hidden = generator.prefix_states(tokens)
    return _player(game, "critic", Critic)(hidden)


def critic_loss(game: Game[SequenceGenerator]) -> Loss:
    """Return the mean over tokens of (V(y_<t) - Q(y_<t, y_t))^2, on the generator's last update."""
    experience = _player(game, "experience", Experience)
    mask = game.generator.token_mask(experience.tokens)
    errors = (critic_values(game, experience.tokens) - experience.values) * mask
    loss = errors.square().sum() / mask.sum()
    return Loss(loss, {"critic_loss": loss})


def _player(game: Game, name: str, kind: type[Player]) -> Player:
    if name not in game.players:
        raise UsageError(
            f"this baseline needs the player {name!r}: give the game baseline_players(...)."
        )
    player = game.players[name]
    assert isinstance(player, kind)
    return player
