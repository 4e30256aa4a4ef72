"""GAD: rewards are D's scores in groups, pairs share their prompt, and controls teach nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from summing_trunk import SummingTrunk
from torch import nn

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.errors import UsageError
from seqgan_kit.methods.distilled import gad
from seqgan_kit.methods.distilled.gad import GADMethod
from seqgan_kit.sequences.estimators.proximal import PolicySettings
from seqgan_kit.sequences.estimators.rewards import Reward
from seqgan_kit.sequences.reply_training import ReplyTraining

GIVEN, LENGTH = 2, 4
TRAINING = ReplyTraining(batch_size=3)


@pytest.fixture
def new_game(tiny_generator):
    def build(method=GADMethod(), reward=Reward(), **policy):  # noqa: B008
        generator = tiny_generator(7, LENGTH, given=GIVEN)
        d = Discriminator(SummingTrunk(), 1, score=nn.Identity())
        settings = PolicySettings(**{"replies": 4} | policy)
        return gad.build(generator, d, method, settings, TRAINING, reward)

    return build


@pytest.fixture
def batch():
    return {"real": torch.tensor([[3, 4, 5, 2, 0, 0], [5, 5, 3, 3, 2, 0], [6, 0, 6, 6, 6, 6]])}


def test_rewards_are_ds_scores_compared_within_a_prompt(new_game, batch, move):
    game = new_game()
    game.rule("draw_replies", batch, move)
    logs = game.rule("reward_replies", {}, move)
    kept = game.experience
    assert torch.equal(kept.rows[:, :GIVEN], batch["real"][:, :GIVEN].repeat_interleave(4, 0))
    scores = (0.1 * kept.fake.sum(1).float()).view(3, 4)
    expected = (scores - scores.mean(1, keepdim=True)) / (scores.std(1, keepdim=True) + 1e-4)
    torch.testing.assert_close(kept.advantages.view(3, 4), expected)
    torch.testing.assert_close(logs["reward"], scores.mean())


def test_d_prefers_the_real_reply_to_the_same_prompt(new_game, batch, move):
    game = new_game(minibatches=2)
    game.rule("draw_replies", batch, move)
    loss = game.loss("discriminator_loss", {}, move)
    real = batch["real"].repeat_interleave(4, 0)[::2]
    fake = game.experience.fake[::2]
    assert torch.equal(real[:, :GIVEN], fake[:, :GIVEN])
    gap = 0.1 * (real.sum(1) - fake.sum(1)).float()
    torch.testing.assert_close(loss.total, -gap.sigmoid().log().mean())
    wins = (gap > 0).float() + (gap == 0).float() / 2
    torch.testing.assert_close(loss.logs["discriminator_accuracy"], wins.mean())


def gradient(game, move):
    loss = game.loss("generator_loss", {}, move).total
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, game.generator.parameters())])


def test_a_constant_reward_teaches_nothing(new_game, batch, move):
    for reward, moves in (("constant", False), ("random", True), ("score", True)):
        game = new_game(GADMethod(reward))
        game.rule("keep_reference", {}, move)
        game.rule("draw_replies", batch, move)
        game.rule("reward_replies", {}, move)
        # The reference is the policy itself, so its penalty has no gradient yet.
        assert (gradient(game, move).abs().max() > 1e-5) == moves, reward


def test_the_reference_is_the_generator_when_it_is_kept(new_game, batch, move):
    game = new_game(kl="k1_in_reward", kl_weight=2.0)
    with torch.no_grad():
        for parameter in game.generator.parameters():
            parameter += 0.3
    for kept in (False, True):
        if kept:
            game.rule("keep_reference", {}, move)
        game.rule("draw_replies", batch, move)
        game.rule("reward_replies", {}, move)
        experience = game.experience
        torch.testing.assert_close(
            experience.log_probs, game.generator.log_probs(experience.rows).detach()
        )
        assert torch.equal(experience.reference, experience.log_probs) == kept
    assert not any(p.requires_grad for p in game.players["reference"].parameters())


def test_an_objective_alone_runs_no_discriminator(new_game, batch, move):
    game = new_game(reward=Reward(lambda rows: rows[:, -1].float(), weight=0))
    game.players["discriminator"] = nn.Identity()
    game.rule("draw_replies", batch, move)
    logs = game.rule("reward_replies", {}, move)
    torch.testing.assert_close(logs["reward"], game.experience.fake[:, -1].float().mean())


def test_every_epoch_reads_all_parts():
    policy = PolicySettings(update_epochs=3, minibatches=2)
    play = gad.phases(policy, ReplyTraining(discriminator_moves=5, teacher_forcing_moves=1))[-1]
    assert [(turn.loss or turn.rule, turn.moves) for turn in play.turns] == [
        ("draw_replies", 1),
        ("reward_replies", 1),
        ("generator_loss", 6),
        ("mle_loss", 1),
        ("discriminator_loss", 5),
    ]


def test_phases_have_a_reference_only_where_one_is_copied():
    names = [phase.name for phase in gad.phases(PolicySettings(), TRAINING)]
    assert names == [
        "pretrain-generator",
        "keep-reference",
        "pretrain-discriminator",
        "adversarial",
    ]
    for policy in (PolicySettings(kl_weight=0), PolicySettings(reference="base")):
        assert "keep-reference" not in [phase.name for phase in gad.phases(policy, TRAINING)]


def test_a_frozen_discriminator_is_pretrained_and_then_stays():
    training = replace(TRAINING, freeze_discriminator=True)
    *_, pretraining, rounds = gad.phases(PolicySettings(), training)
    assert "discriminator_loss" in [turn.loss for turn in pretraining.turns]
    assert "discriminator_loss" not in [turn.loss for turn in rounds.turns]
    *_, rounds = gad.phases(PolicySettings(), TRAINING)
    assert "discriminator_loss" in [turn.loss for turn in rounds.turns]


def test_without_adapters_there_is_no_base(new_game):
    with pytest.raises(UsageError, match="adapters off, and this generator has none: use the ref"):
        new_game(reference="base")


def test_settings_are_checked():
    with pytest.raises(UsageError, match="reward"):
        GADMethod("logit")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="kl"):
        PolicySettings(kl="k4")  # type: ignore[arg-type]
