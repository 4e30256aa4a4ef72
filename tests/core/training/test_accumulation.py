"""Gradient accumulation: an update in parts is that of the whole batch, or is refused in a sentence."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import nn

from seqgan_kit.core.accumulation import row_parts
from seqgan_kit.core.game import Game, Loss, Move, Phase, SplitLoss, Turn
from seqgan_kit.core.objectives import expected_probability, relativistic
from seqgan_kit.core.optimizers import Optimizer
from seqgan_kit.core.runs.run import RunSettings
from seqgan_kit.core.runs.runtime import Runtime
from seqgan_kit.core.sharding.sharding import Sharding
from seqgan_kit.core.training.gradient_step import GradientStepper
from seqgan_kit.errors import UsageError
from seqgan_kit.methods import maligan, seqgan
from seqgan_kit.methods.distilled import gad, spin
from seqgan_kit.methods.distilled.gad import GADMethod
from seqgan_kit.methods.distilled.spin import SPINMethod
from seqgan_kit.methods.maligan import MaliGANMethod
from seqgan_kit.methods.rewarded import rankgan
from seqgan_kit.methods.rewarded.rankgan import RankGANMethod
from seqgan_kit.methods.seqgan import SeqGANMethod
from seqgan_kit.sequences.estimators.proximal import PolicySettings
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.maximum_likelihood import LikelihoodGame
from seqgan_kit.sequences.reply_training import ReplyTraining
from seqgan_kit.sequences.sequence_game import SequenceGame

# Rows of different lengths: a mean of means of parts would be another number.
REAL = torch.tensor(
    [[3, 2, 0, 0, 0], [4, 5, 6, 3, 2], [4, 2, 0, 0, 0], [3, 3, 3, 4, 5], [6, 2, 0, 0, 0]]
)
POLICY = PolicySettings(replies=3, kl_weight=0.3, entropy_weight=0.2)
REPLIES = ReplyTraining(batch_size=len(REAL))


def rollouts(baseline):
    method = SeqGANMethod(rollouts=2, baseline=baseline)
    return lambda g, d: seqgan.build(g, d, method, FineTuning(negatives=0))


GAMES = {
    "likelihood": (lambda g, d: LikelihoodGame(g), "mle_loss"),
    "rollouts": (rollouts("none"), "generator_loss"),
    "rollouts, baseline of the batch": (rollouts("batch"), "generator_loss"),
    "rollouts, moving average": (rollouts("moving_average"), "generator_loss"),
    "discriminator": (rollouts("none"), "discriminator_loss"),
    "discriminator on a pool": (
        lambda g, d: seqgan.build(g, d, SeqGANMethod(), FineTuning(negatives=7)),
        "discriminator_loss",
    ),
    "clipped policy": (
        lambda g, d: gad.build(g, d, GADMethod(), POLICY, REPLIES),
        "generator_loss",
    ),
    "pairs of replies": (
        lambda g, d: gad.build(g, d, GADMethod(), POLICY, REPLIES),
        "discriminator_loss",
    ),
    "self-play": (lambda g, d: spin.build(g, SPINMethod()), "self_play_loss"),
}


@pytest.fixture
def players(tiny_generator, tiny_text_discriminator):
    discriminator = tiny_text_discriminator()
    for part in discriminator.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0  # Parts draw other masks.
    return tiny_generator(), discriminator


class Divided(Sharding):
    """Sharding that averages in every backward pass, so that parts are weighted before it."""

    def __bool__(self):
        return True


def stepper_of(game, loss, parts, sharding=None):
    learner = "discriminator" if loss.startswith("discriminator") else "generator"
    turn = Turn((learner, *game.private_players()), loss, optimizer=Optimizer(1.0, "sgd"))
    runtime = Runtime(torch.device("cpu"))
    return turn, GradientStepper(game, (Phase("adversarial", (turn,)),), runtime, parts, sharding)


def stepped(game, loss, parts, sharding=None):
    """Return the game after one step of SGD with rate 1, and what was logged."""
    game, move = copy.deepcopy(game), Move("adversarial", 0, 1, torch.Generator().manual_seed(1))
    turn, stepper = stepper_of(game, loss, parts, sharding)
    for rule in ("draw_negatives", "draw_replies", "reward_replies"):
        if hasattr(game, rule) and (rule != "draw_negatives" or "negatives" in game.players):
            game.rule(rule, {"real": REAL}, move)
    done, _, _ = stepper.step(turn, {"real": REAL}, move, 0.0, tuple)
    return game, done


@pytest.mark.parametrize("name", GAMES)
def test_an_update_in_parts_is_that_of_the_whole_batch(players, name):
    """Samples, rollouts and rewards are drawn once for all parts."""
    build, loss = GAMES[name]
    game = build(*players)
    whole, done = stepped(game, loss, 1)
    moved = [
        not torch.equal(a, b) for a, b in zip(whole.parameters(), game.parameters(), strict=True)
    ]
    assert any(moved)
    for parts, sharding in ((2, None), (5, None), (99, None), (2, Divided())):
        in_parts, same = stepped(game, loss, parts, sharding)
        for (key, found), wanted in zip(
            in_parts.state_dict().items(), whole.state_dict().values(), strict=True
        ):
            torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6, msg=key)
        torch.testing.assert_close(same.total, done.total.detach(), rtol=1e-5, atol=1e-6)
        assert same.logs.keys() == done.logs.keys()


def test_parts_differ_by_at_most_one_row():
    parts = row_parts({"real": torch.arange(5), "fake": torch.arange(10).view(5, 2)}, 2)
    assert [part["real"].tolist() for part in parts] == [[0, 1, 2], [3, 4]]
    assert [part["fake"].shape for part in parts] == [(3, 2), (2, 2)]


class Normalised(LikelihoodGame):
    def __init__(self, generator):
        super().__init__(generator)
        self.players["other"] = nn.BatchNorm1d(2)


class Changed(LikelihoodGame):
    def mle_loss(self, batch, move):
        return replace(super().mle_loss(batch, move), items=0.0)


class Unsplit(Game):
    def pull_loss(self, batch, move):
        return Loss(self.players["generator"].output.bias.sum())


PLAIN = FineTuning(negatives=0)
REFUSED = {
    "Unsplit does not tell it as a mean over rows": (
        lambda g, d: Unsplit({"generator": g}),
        "pull_loss",
    ),
    "Changed does not tell it": (lambda g, d: Changed(g), "mle_loss"),
    "other has batch normalisation, which reads all rows": (lambda g, d: Normalised(g), "mle_loss"),
    "the baseline leave_one_out compares": (
        lambda g, d: seqgan.build(
            g, d, SeqGANMethod(baseline="leave_one_out", rollout_lag=0), PLAIN
        ),
        "generator_loss",
    ),
    "RolloutGame does not tell it": (
        lambda g, d: seqgan.build(g, d, SeqGANMethod(baseline="critic"), PLAIN),
        "critic_loss",
    ),
    "the objective relativistic_expected_probability reads the mean of all scores": (
        lambda g, d: SequenceGame(g, d, relativistic(expected_probability()), Reinforce(0), PLAIN),
        "discriminator_loss",
    ),
    "MaliGAN does not tell it|ImportanceWeighted does not": (
        lambda g, d: maligan.build(g, d, MaliGANMethod(), PLAIN),
        "generator_loss",
    ),
    "RankGAN has its own loss, which may compare rows": (
        lambda g, d: rankgan.build(g, d, RankGANMethod(references=2), replace(PLAIN, score_l2=0.0)),
        "discriminator_loss",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_loss_that_needs_the_whole_batch_is_refused_before_training(players, why):
    build, loss = REFUSED[why]
    game = build(*players)
    stepper_of(game, loss, 1)
    with pytest.raises(
        UsageError, match=rf"--accumulate 4: {loss} cannot be computed in parts \(({why})"
    ):
        stepper_of(game, loss, 4)


def test_the_setting_is_checked():
    with pytest.raises(UsageError, match="accumulate is 0; it must be 1 or more"):
        RunSettings(accumulate=0)


def test_parts_of_which_none_learns_leave_the_player_as_it_is(players):
    class Gated(LikelihoodGame):
        def mle_loss(self, batch, move):
            return replace(super().mle_loss(batch, move), learns=False)

        def split(self, loss):
            return SplitLoss(lambda batch, move: batch, self.mle_loss)

    game = Gated(players[0])
    after, done = stepped(game, "mle_loss", 2)
    assert done.total > 0
    assert all(map(torch.equal, after.parameters(), game.parameters()))
