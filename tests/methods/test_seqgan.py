"""SeqGAN: the paper's schedule, its pools, its lagging policy, its losses."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.game import Epochs, Move, check_phases
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.errors import UsageError
from seqgan_kit.methods.seqgan import SeqGANMethod, build, phases
from seqgan_kit.sequences.discriminators.weight_penalty import ScoreDecay
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.rollout_game import RolloutGame

pytestmark = pytest.mark.numerics


@pytest.fixture
def new_game(tiny_generator, tiny_text_discriminator):
    def start(negatives: int = 12, rollouts: int = 2, **settings) -> RolloutGame:
        method = SeqGANMethod(rollouts=rollouts, **settings)
        training = FineTuning(negatives=negatives)
        return build(tiny_generator(), tiny_text_discriminator(), method, training)

    return start


def told(phase) -> list[tuple[str, object]]:
    return [(turn.loss or turn.rule, turn.moves) for turn in phase.turns]


def test_the_papers_schedule():
    """Algorithm 1 and section 4 (Yu et al. 2017), with its code's figures: G by likelihood for 120 epochs; D
    on 50 pools for 3 epochs each; then, 200 times, one move of G, an update of the rollout policy, and 5
    pools of 3 epochs for D."""
    pretrain, judge, adversarial = phases(SeqGANMethod(), FineTuning())
    assert (pretrain.rounds, judge.rounds, adversarial.rounds) == (120, 50, 200)
    assert told(pretrain) == [("mle_loss", Epochs(1)), ("match_generator", 1)]
    pool = [("draw_negatives", 1), ("discriminator_loss", Epochs(3.0))]
    assert told(judge) == pool
    assert told(adversarial) == [("generator_loss", 1), ("follow_generator", 1), *pool * 5]
    assert pretrain.keep, "the pretrained generator is the baseline of the final table"
    rates = {t.loss: t.optimizer.learning_rate for t in adversarial.turns if t.optimizer}
    assert rates == {"generator_loss": 1e-2, "discriminator_loss": 1e-4}


def test_moves_of_a_round_in_the_papers_setting():
    """10,000 sentences in batches of 64 are 156 batches: a round is 1 move of G and 5 * 3 * 156 of D."""
    feed = TensorFeed({"real": torch.zeros(10_000, 1)}, 64, seed=0)
    adversarial = phases(SeqGANMethod(), FineTuning())[2]
    moves = {"generator_loss": 0, "discriminator_loss": 0}
    for turn in adversarial.turns:
        if turn.loss:
            moves[turn.loss] += turn.moves_in(0, feed.batches_per_epoch)
    assert moves == {"generator_loss": 1, "discriminator_loss": 5 * 3 * 156}


@pytest.mark.parametrize("loss", ["mle_loss", "generator_loss", "discriminator_loss"])
def test_losses_in_bfloat16(new_game, loss):
    """The loss stays near that of float32 (a draw may fall otherwise by rounding); every gradient exists."""
    game = new_game()
    real = game.sample(6, rng=torch.Generator().manual_seed(1))

    def value() -> torch.Tensor:
        rng = torch.Generator().manual_seed(2)
        torch.manual_seed(0)  # dropout
        return game.loss(loss, {"real": real}, Move("adversarial", 0, 2, rng)).total

    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        narrow = value()
    torch.testing.assert_close(narrow, value(), rtol=0.2, atol=0.0)
    player = "discriminator" if loss == "discriminator_loss" else "generator"
    narrow.backward(inputs=list(game.players[player].parameters()))
    assert all(p.grad is not None for p in game.players[player].parameters())


def test_each_turn_moves_the_players_that_it_should():
    _, judge, adversarial = phases(SeqGANMethod(), FineTuning(teacher_forcing_moves=2))
    assert [(t.players, t.feed) for t in judge.turns] == [
        (("negatives",), None),
        (("discriminator", "negatives"), "train"),
    ]
    assert [(t.players, t.feed) for t in adversarial.turns[:3]] == [
        (("generator",), "train"),
        (("generator",), "train"),
        (("rollout_policy",), None),
    ]
    assert told(adversarial)[1] == ("mle_loss", 2)


def test_without_a_pool_and_without_lag_nothing_of_them_remains(new_game):
    method, training = SeqGANMethod(rollout_lag=0.0), FineTuning(negatives=0, pools=2)
    assert [told(phase) for phase in phases(method, training)] == [
        [("mle_loss", Epochs(1))],
        [("discriminator_loss", Epochs(3.0))],
        [("generator_loss", 1)] + [("discriminator_loss", Epochs(3.0))] * 2,
    ]
    game = new_game(negatives=0, rollout_lag=0.0)
    assert set(game.players) == {"generator", "discriminator"}
    check_phases(game, phases(method, training), {"train": None})


@pytest.mark.parametrize("lag", [-0.1, 1.0])
def test_a_lag_outside_its_range_is_refused(lag):
    with pytest.raises(UsageError, match=r"rollout_lag is .*; it must be 0 or more and below 1"):
        SeqGANMethod(rollout_lag=lag)


def test_the_rollout_policy_lags_in_closed_form(new_game, move):
    """After k rounds at a fixed generator: policy = g + lag^k (p - g)."""
    game = new_game(rollout_lag=0.8)
    policy, generator = game.players["rollout_policy"], game.players["generator"]
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(torch.randn_like(parameter))
    start = [p.clone() for p in policy.parameters()]
    for _ in range(3):
        game.rule("follow_generator", {}, move)
    for before, now, target in zip(start, policy.parameters(), generator.parameters(), strict=True):
        torch.testing.assert_close(now, target + 0.8**3 * (before - target))


def test_the_rollout_policy_starts_at_the_pretrained_generator(new_game, new_run):
    """Also when D is not pretrained at all."""
    game = new_game()
    training = FineTuning(batch_size=8, mle_epochs=1, pretrain_pools=0, rounds=0, negatives=12)
    tokens = game.sample(16, rng=torch.Generator().manual_seed(1))
    before = game.players["generator"].output.weight.clone()
    feed = TensorFeed({"real": tokens}, 8, seed=0)
    Trainer(new_run(), game, phases(SeqGANMethod(), training), feed).fit()
    assert not torch.equal(game.players["generator"].output.weight, before)
    for own, other in zip(
        game.players["generator"].parameters(),
        game.players["rollout_policy"].parameters(),
        strict=True,
    ):
        assert torch.equal(own, other)


def test_the_rollout_policy_shares_no_memory_with_the_generator(new_game):
    game = new_game()
    pointers = [
        {p.data_ptr() for p in game.players[n].parameters()}
        for n in ("generator", "rollout_policy")
    ]
    assert not pointers[0] & pointers[1]


def test_negatives_are_what_the_generator_would_write_now(new_game, move):
    """The pool is refilled with samples of the present generator and read in order, from its start."""
    game = new_game()
    game.players["negatives"].next(5)
    rng = torch.Generator().manual_seed(0)
    wanted = game.sample(12, rng=rng)
    game.rule("draw_negatives", {}, Move("p", 0, 1, torch.Generator().manual_seed(0)))
    assert torch.equal(game.players["negatives"].samples, wanted)
    read = [game.estimator.fakes(game, {}, 4, move) for _ in range(3)]
    assert torch.equal(torch.cat(read), wanted)


@pytest.mark.parametrize("reward", ["probability", "logit"])
def test_the_reward_is_as_chosen(new_game, rng, reward):
    game = new_game(reward=reward, rollouts=0, rollout_lag=0.0)
    tokens = game.sample(6, rng=rng)
    values = game.estimator.action_values(game, tokens, rng)
    score = game.players["discriminator"].eval()(tokens).score.detach()
    wanted = score.sigmoid() if reward == "probability" else score
    torch.testing.assert_close(values[:, 0], wanted)


def test_the_discriminator_loss_is_twice_the_papers(new_game, rng, move):
    """The paper's code: softmax cross-entropy over two classes, mean over a batch of as many reals as fakes,
    plus 0.2 * (|W|^2 + |b|^2)/2 over both classes' rows. With logits (-s/2, s/2) it is a sigmoid of s, and
    ours, a sum of two means, is twice it."""
    game = new_game(negatives=0)
    discriminator = game.players["discriminator"].eval()
    real, fake = game.sample(8, rng=rng), game.sample(8, rng=torch.Generator().manual_seed(7))
    score = discriminator.score
    rows = torch.cat([-score.weight / 2, score.weight / 2])
    offsets = torch.cat([-score.bias / 2, score.bias / 2])
    features = torch.cat([discriminator(x).features for x in (real, fake)])
    classes = torch.cat([torch.ones(8), torch.zeros(8)]).long()
    cross_entropy = F.cross_entropy(features @ rows.t() + offsets, classes)
    size = (rows.square().sum() + offsets.square().sum()) / 2
    game.draw = lambda n, batch, rng: fake  # type: ignore[method-assign]
    ours = game.discriminator_loss({"real": real}, move).total
    assert ours.item() == pytest.approx(2 * (cross_entropy + 0.2 * size).item(), rel=1e-5)


def test_score_decay_weighs_the_output_layer_alone(tiny_text_discriminator, rng):
    """2 * weight * (|w|^2 + b^2) / 4."""
    discriminator = tiny_text_discriminator()
    tokens = torch.zeros(2, 5, dtype=torch.int64)
    with torch.no_grad():
        nn.init.constant_(discriminator.score.weight, 0.5)
        nn.init.constant_(discriminator.score.bias, 2.0)
    value = ScoreDecay(0.3)(discriminator, tokens, tokens, rng)
    assert value.item() == pytest.approx(2 * 0.3 * (8 * 0.25 + 4) / 4)
    moved = torch.autograd.grad(value, list(discriminator.parameters()), allow_unused=True)
    named = dict(zip([n for n, _ in discriminator.named_parameters()], moved, strict=True))
    assert {n for n, g in named.items() if g is not None} == {"score.weight", "score.bias"}


def test_the_generators_turn_raises_its_reward(new_game, new_run):
    """Thirty moves against a fixed discriminator: policy gradient climbs what it should climb."""
    game = new_game(rollout_lag=0.0, negatives=0, baseline="batch", rollouts=4)
    training = FineTuning(
        mle_epochs=0, pretrain_pools=0, rounds=1, generator_moves=30, pools=0, batch_size=32,
        negatives=0, generator_learning_rate=0.03,
    )  # fmt: skip

    def reward() -> float:
        tokens = game.sample(2000, rng=torch.Generator().manual_seed(1))
        return game.players["discriminator"].eval()(tokens).score.sigmoid().mean().item()

    with torch.no_grad():
        game.players["discriminator"].score.weight.mul_(10)
    before = reward()
    feed = TensorFeed({"real": torch.zeros(64, 5, dtype=torch.int64)}, 32, seed=0)
    Trainer(new_run(), game, phases(SeqGANMethod(rollout_lag=0.0), training), feed).fit()
    assert reward() > before + 0.05
