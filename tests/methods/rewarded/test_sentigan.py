"""D's loss by hand, and G's gradient against a sum over all prefixes of a small world."""

import itertools

import pytest
import torch

from seqgan_kit.core.game import Move
from seqgan_kit.errors import UsageError
from seqgan_kit.methods.rewarded import sentigan
from seqgan_kit.methods.rewarded.sentigan import SentiGANMethod, penalty_loss
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.hierarchical.class_generators import (
    ClassGenerators,
    ClassLSTMsConfig,
)

LENGTH, FIRST = 3, 6  # The classes 0 and 1 have the ids 6 and 7.
MOVE = Move("adversarial", 0, 2, torch.Generator().manual_seed(1))


def build(method=None, **training):
    torch.manual_seed(2)
    given = {"bos": 1, "eos": 2, "pad": 0, "given": 1, "source_vocabulary": 3}
    config = ClassLSTMsConfig(3, 4, initial_std=0.7)
    generator = ClassGenerators(config, 5, LENGTH, **given)
    trunk = TextCNN(TextCNNConfig(embedding=3, filters=((1, 4), (2, 4)), dropout=0.0), 8, 4, pad=0)
    settings = FineTuning(batch_size=8, negatives=0, **{"score_l2": 0.0, **training})
    game = sentigan.build(generator, trunk, method or SentiGANMethod(rollouts=0), settings)
    with torch.no_grad():
        game.discriminator.score.logits.weight.mul_(10)
    return game.eval()


def rows_of(game, number):
    """All rows that the generator of a class may write."""
    found = []
    for row in itertools.product((2, 3, 4), repeat=LENGTH):
        end = row.index(2) + 1 if 2 in row else LENGTH
        found.append((number, *row[:end], *(0,) * (LENGTH - end)))
    return torch.tensor(sorted(set(found)))


def test_the_gradient_is_that_of_half_the_squared_probabilities():
    """E_G sum_t V_t grad G(y_t | y_<t) = grad sum over prefixes and tokens of their penalty times G^2 / 2."""
    game = build()
    generator = game.generator
    parameters = list(generator.parameters())
    rows = torch.cat([rows_of(game, FIRST), rows_of(game, FIRST + 1)])
    penalties = 1 - game.class_chances(rows)
    assert penalties.std() > 1e-2
    mask = generator.token_mask(rows)
    weights = penalties.unsqueeze(1) * mask
    log_probs = generator.log_probs(rows)
    chances = log_probs.sum(1).exp().detach()
    losses = [
        chance * penalty_loss(log_probs[i : i + 1], weights[i : i + 1])
        for i, chance in enumerate(chances)
    ]
    found = torch.autograd.grad(torch.stack(losses).sum(), parameters, retain_graph=True)

    total = torch.zeros(())
    for t in range(LENGTH):
        prefixes = {tuple(row[: t + 2]) for row in rows.tolist() if row[t + 1]}
        for prefix in prefixes:
            same = (rows[:, : t + 2] == torch.tensor(prefix)).all(1)
            token = log_probs[same][0, t].exp()
            # The mean penalty of the completions of this prefix, times the chance of what is before.
            penalty = (chances[same] * penalties[same]).sum() / chances[same].sum()
            before = chances[same].sum() / token.detach()
            total = total + before * penalty * token.square() / 2
    truth = torch.autograd.grad(total, parameters)
    for one, other in zip(found, truth, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-3)
    assert max(g.abs().max() for g in truth) > 1e-2


def test_the_loss_of_g_is_the_penalty_of_its_samples():
    """With rollouts and without, at the ends: the last token of a row has the penalty of the row."""
    for method in (SentiGANMethod(rollouts=0), SentiGANMethod(rollouts=400)):
        game = build(method)
        rows = torch.tensor([[6, 3, 4, 2], [7, 4, 2, 0]])
        values = game.estimator.action_values(game, rows, torch.Generator().manual_seed(1))
        chances = game.class_chances(rows)
        assert values[0, 2].item() == pytest.approx(chances[0].item(), abs=1e-5)
        assert values[1, 1].item() == pytest.approx(chances[1].item(), abs=1e-5)
    after = rows_of(game, FIRST)
    after = after[after[:, 1] == 3]
    shares = game.generator.log_probs(after)[:, 1:].sum(1).exp()
    expected = (shares * game.class_chances(after)).sum().item()
    assert values[0, 0].item() == pytest.approx(expected, abs=0.05)


def test_ds_loss_by_hand_and_d_does_not_see_the_class():
    game = build()
    real, fake = torch.tensor([[6, 3, 4, 2], [7, 4, 2, 0]]), torch.tensor([[7, 3, 3, 3]])
    with torch.no_grad():
        loss = game.judge({"real": real}, fake, MOVE)
        rows = torch.cat([real, fake])
        log_probs = game.class_logits(rows).log_softmax(1)
        wanted = -(log_probs[0, 0] + log_probs[1, 1] + log_probs[2, 2]) / 3
        assert loss.total.item() == pytest.approx(wanted.item(), abs=1e-6)
        others = rows.clone()
        others[:, 0] = 13 - others[:, 0]
        assert torch.equal(game.class_logits(others), game.class_logits(rows))
        odds = game.discriminate(torch.cat([torch.zeros(3, 1, dtype=torch.int64), rows[:, 1:]], 1))
        chances = log_probs.exp()
        ratio = (chances[:, :2].sum(1) / chances[:, 2]).log()
        torch.testing.assert_close(odds.score, ratio, atol=1e-5, rtol=1e-5)


def test_the_l2_penalty_is_that_of_all_outputs():
    game = build(score_l2=0.2)
    real, fake = torch.tensor([[6, 3, 4, 2]]), torch.tensor([[7, 3, 3, 3]])
    head = game.discriminator.score.logits
    wanted = 0.2 * (head.weight.square().sum() + head.bias.square().sum()) / 2
    with_penalty, without = (g.judge({"real": real}, fake, MOVE).total for g in (game, build()))
    assert (with_penalty - without).item() == pytest.approx(wanted.item(), rel=1e-4)


def test_a_control_asks_no_d():
    game = build(SentiGANMethod(rollouts=2, reward="constant"))
    real = torch.tensor([[6, 3, 4, 2], [7, 4, 2, 0]])
    assert game.generator_loss({"real": real}, MOVE).logs["penalty"].item() == 1


def test_the_penalty_is_least_at_probabilities_in_inverse_proportion_to_it():
    """The expected gradient of a first token, sum_y G grad G V, vanishes at G ~ 1 / V and nowhere near it."""
    penalties = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
    for chances, vanishes in ((1 / penalties, True), (torch.ones(3).double(), False)):
        logits = (chances / chances.sum()).log().requires_grad_()
        own = logits.log_softmax(0)
        weights = own.exp().detach()  # Tokens are drawn by their own probabilities.
        losses = [
            w * penalty_loss(p.view(1, 1), v.view(1, 1))
            for w, p, v in zip(weights, own, penalties, strict=True)
        ]
        (gradient,) = torch.autograd.grad(torch.stack(losses).sum(), logits)
        assert (gradient.abs().max().item() < 1e-12) == vanishes


def test_text_without_classes_is_refused():
    ids = {"bos": 1, "eos": 2, "pad": 0}
    with pytest.raises(UsageError, match="give --label-column"):
        ClassGenerators(ClassLSTMsConfig(3, 4), 5, LENGTH, **ids)
