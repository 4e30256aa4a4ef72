"""Adversarial dialogue against exact sums: rewards of prefixes, random prefixes, human replies."""

from __future__ import annotations

import pytest
import torch
from policy_worlds import LENGTH, World, build_world, contributions
from small_worlds import flat_gradient, z_scores

from seqgan_kit.core.game import Move
from seqgan_kit.errors import UsageError
from seqgan_kit.methods import dialogue
from seqgan_kit.methods.dialogue import DialogueMethod
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.estimators.prefix_rewards import (
    EveryStep,
    random_prefixes,
)
from seqgan_kit.sequences.fine_tuning import FineTuning

TUNING = FineTuning(batch_size=4, negatives=0, discriminator_moves=2, teacher_forcing_moves=1)
ROWS = torch.tensor([[5, 3, 4, 2, 0], [6, 2, 0, 0, 0], [4, 3, 4, 5, 6], [3, 3, 3, 3, 3]])


@pytest.fixture(scope="module")
def world(tiny_generator, table_discriminator) -> World:
    return build_world("rows that end", tiny_generator, table_discriminator, ((3,), (4,)))


def test_the_mean_estimate_is_the_sum_over_all_replies(world):
    """E sum_t grad log G(y_t | x, y_<t) D(x, y_1:t), each D read from the table at the prefix and PAD."""
    generator, rows = world.generator, world.sequences
    mask = generator.token_mask(rows)
    table = world.game.discriminator
    rewards = torch.zeros(mask.shape)
    for t in range(LENGTH):
        prefix = rows.clone()
        prefix[:, generator.given + t + 1 :] = generator.pad
        rewards[:, t] = table(prefix).score.sigmoid().detach()
    log_probs = generator.log_probs(rows)
    chances = log_probs.detach().sum(1).exp() / len(world.sources)
    exact = flat_gradient((chances * (log_probs * rewards * mask).sum(1)).sum(), generator)
    for baseline in ("none", "batch"):
        along, each = z_scores(contributions(world, EveryStep(0, baseline), 6000), exact)
        assert along < 4
        assert each < 5
    # The rewards of the next prefix are another gradient.
    late = (chances * (log_probs * rewards.roll(1, 1) * mask).sum(1)).sum()
    along, _ = z_scores(contributions(world, EveryStep()), flat_gradient(late, generator))
    assert along > 8


@pytest.mark.parametrize("name", ["textcnn", "birnn", "pair_rnn", "pair_cnn"])
def test_shared_work_gives_the_scores_of_each_prefix_alone(name, tiny_generator, move):
    """Every trunk, whatever it shares between prefixes, against D on one prefix after the other."""
    choice = DiscriminatorChoice(name)
    rows = torch.cat([torch.tensor([[3, 4], [5, 0], [6, 6], [4, 0]]), ROWS], 1)
    discriminator = build_discriminator(choice, 7, 7, pad=0, given=2)
    game = dialogue.build(tiny_generator(given=2), discriminator, DialogueMethod(), TUNING)
    values = EveryStep(chunk_rows=3).action_values(game, rows, move.rng)
    wanted = torch.zeros(4, 5)
    discriminator.eval()
    for t in range(5):
        prefix = rows.clone()
        prefix[:, 2 + t + 1 :] = 0
        wanted[:, t] = discriminator(prefix).score.sigmoid().detach()
    torch.testing.assert_close(values, wanted * game.generator.token_mask(rows))


def test_every_prefix_of_a_reply_is_equally_likely(rng):
    """4,000 draws of a reply of 3 tokens and of one of 1: counts within 5 standard deviations of a third."""
    rows = torch.tensor([[9, 9, 3, 4, 2, 0], [9, 9, 2, 0, 0, 0]]).repeat(4000, 1)
    mask = rows[:, 2:] != 0
    cut = random_prefixes(rows, mask, 0, rng)
    assert (cut[:, :2] == 9).all()
    lengths = (cut[:, 2:] != 0).sum(1)
    assert (lengths[1::2] == 1).all()
    counts = torch.bincount(lengths[::2], minlength=4)
    assert counts[0] == 0
    assert (counts[1:] - 4000 / 3).abs().max() < 5 * (4000 * 2 / 9) ** 0.5
    kept = torch.arange(4) < lengths[:, None]
    assert torch.equal(cut[:, 2:], rows[:, 2:] * kept)


@pytest.mark.parametrize(("credit", "on_prefixes"), [("regs", True), ("monte_carlo", False)])
def test_the_discriminator_of_regs_reads_one_prefix_of_each_reply(
    credit, on_prefixes, tiny_generator, tiny_text_discriminator, move
):
    method = DialogueMethod(credit=credit, rollouts=2)
    game = dialogue.build(tiny_generator(), tiny_text_discriminator(), method, TUNING)
    read = []
    game.discriminator.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    game.discriminator_loss({"real": ROWS.repeat(50, 1)}, move)
    real = torch.cat(read)[: 50 * len(ROWS)]
    shorter = ((real != 0).sum(1) < (ROWS.repeat(50, 1) != 0).sum(1)).float().mean()
    assert (shorter > 0.4) if on_prefixes else (shorter == 0)


def test_human_replies_are_sampled_replies_with_reward_one(
    tiny_generator, tiny_text_discriminator, move
):
    """The loss is -(1/B) sum_b log G(y_b), so its gradient is that of REINFORCE with reward 1."""
    game = dialogue.build(tiny_generator(), tiny_text_discriminator(), DialogueMethod(), TUNING)
    loss = game.human_loss({"real": ROWS}, move).total
    torch.testing.assert_close(loss, -game.generator.sequence_log_prob(ROWS).mean())


def test_a_round_has_the_papers_updates():
    rounds = dialogue.phases(DialogueMethod(), TUNING)[-1]
    made = [(turn.players[0], turn.loss, turn.moves) for turn in rounds.turns[:3]]
    assert made == [
        ("generator", "generator_loss", 1),
        ("generator", "human_loss", 1),
        ("critic", "critic_loss", 1),
    ]
    assert {turn.players for turn in rounds.turns[3:]} == {("discriminator",)}


@pytest.mark.parametrize("credit", dialogue.CREDITS)
def test_controls_ignore_the_discriminator(credit, tiny_generator, tiny_text_discriminator):
    method = DialogueMethod(credit=credit, rollouts=2, baseline="none", reward="constant")
    game = dialogue.build(tiny_generator(), tiny_text_discriminator(), method, TUNING)
    game.discriminator.forward = None  # type: ignore[method-assign]
    move = Move("adversarial", 0, 1, torch.Generator().manual_seed(0))
    assert game.generator_loss({"real": ROWS}, move).logs["reward"] == pytest.approx(1)


def test_wrong_settings_are_refused(tiny_generator, tiny_text_discriminator):
    with pytest.raises(UsageError, match="credit monte_carlo averages over completions: use 1"):
        DialogueMethod(credit="monte_carlo", rollouts=0)
    with pytest.raises(UsageError, match="no completions; use 0"):
        EveryStep(rollouts=3)
    with pytest.raises(UsageError, match="leave_one_out compares the completions"):
        DialogueMethod(baseline="leave_one_out")
    endless = tiny_generator(eos=None, pad=None)
    game = dialogue.build(endless, tiny_text_discriminator(pad=None), DialogueMethod(), TUNING)
    move = Move("adversarial", 0, 1, torch.Generator().manual_seed(0))
    with pytest.raises(UsageError, match="mark the end of a prefix by PAD"):
        game.discriminator_loss({"real": ROWS}, move)
