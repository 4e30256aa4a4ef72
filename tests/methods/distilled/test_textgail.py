"""TextGAIL: rewards are contrastive, real texts have the reward 1, and D reads generated texts alone."""

from dataclasses import replace

import pytest
import torch
from summing_trunk import SummingTrunk
from torch import nn

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.errors import UsageError
from seqgan_kit.methods.distilled import textgail
from seqgan_kit.methods.distilled.textgail import SETTINGS, TextGAILMethod
from seqgan_kit.sequences.reply_training import ReplyTraining

LENGTH = 4
REAL = torch.tensor([[3, 4, 5, 2, 0], [5, 5, 3, 3, 2], [6, 3, 6, 6, 6], [4, 2, 0, 0, 0]])


@pytest.fixture
def new_game(tiny_generator):
    def build(policy=SETTINGS, **method):
        generator = tiny_generator(7, LENGTH, given=1)
        d = Discriminator(SummingTrunk(), 1, score=nn.Identity())
        settings = TextGAILMethod(**method)
        return textgail.build(generator, d, settings, policy, ReplyTraining(batch_size=4))

    return build


@pytest.mark.parametrize(("share", "joining"), [(0.0, 0), (0.2, 1), (0.5, 4)])
def test_rewards_of_generated_and_real_texts(new_game, move, share, joining):
    game = new_game(real_share=share)
    game.rule("draw_replies", {"real": REAL}, move)
    logs = game.rule("reward_replies", {}, move)
    kept = game.experience
    won = (0.1 * (kept.fake.sum(1) - REAL.sum(1)).float()).sigmoid()
    torch.testing.assert_close(logs["reward"], won.mean())
    rewards = torch.cat([won, torch.ones(joining)])
    expected = (rewards - rewards.mean()) / (rewards.std() + 1e-4)
    torch.testing.assert_close(kept.advantages, expected)
    assert torch.equal(kept.rows, torch.cat([kept.fake, REAL[:joining]]))
    assert len(kept.next_pairs()[1]) == 4


def test_real_texts_have_no_group(new_game):
    policy = replace(SETTINGS, replies=4, advantage="group")
    with pytest.raises(UsageError, match="real replies have no group of replies"):
        new_game(policy)
    assert new_game(policy, real_share=0).settings.replies == 4


@pytest.mark.parametrize("wrong", [{"real_share": 0.6}, {"reward": "logit"}])
def test_settings_are_checked(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong)).replace("_", ".")):
        TextGAILMethod(**wrong)
