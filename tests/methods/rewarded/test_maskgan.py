"""MaskGAN: its losses on blanks alone, and its policy gradient against a sum over all fills."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from seqgan_kit.core.game import Move
from seqgan_kit.errors import UsageError
from seqgan_kit.methods.rewarded import maskgan
from seqgan_kit.methods.rewarded.maskgan import MaskGANMethod
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig
from seqgan_kit.sequences.infilling.filled_reader import blank_scores, build_filled_reader
from seqgan_kit.sequences.infilling.infilling_generator import InfillingConfig, InfillingGenerator

PAD, BOS, EOS, LENGTH = 0, 1, 2, 3
CONFIG = InfillingConfig(rnn_search=RNNSearchConfig(3, 4, dropout=0.3))
TUNING = FineTuning(batch_size=1, negatives=0, score_l2=0.0)


def shaken(network, seed: int):
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=rng), alpha=0.35)
    return network


def game_of(training: FineTuning = TUNING, **options):
    torch.manual_seed(0)
    generator = InfillingGenerator(CONFIG, 6, LENGTH, bos=BOS, eos=EOS, pad=PAD)
    discriminator = build_filled_reader(CONFIG, 6, LENGTH, bos=BOS, pad=PAD)
    game = maskgan.build(generator, discriminator, MaskGANMethod(**options), training)
    return shaken(game, 4)


def move(round_number: int = 0, rounds: int = 5, phase: str = "adversarial") -> Move:
    return Move(phase, round_number, rounds, torch.Generator().manual_seed(1))


def possible_rows(generator, given):
    """All rows [N,2T] with a positive probability, three words and an end."""
    texts = torch.tensor(list(itertools.product(range(6), repeat=LENGTH)))
    rows = torch.cat([given.expand(len(texts), -1), texts], 1)
    return rows[generator.sequence_log_prob(rows) > -1e8]


def gradient(loss, generator):
    parts = torch.autograd.grad(loss, list(generator.parameters()), materialize_grads=True)
    return torch.cat([part.flatten() for part in parts])


@pytest.mark.parametrize("baseline", ["critic", "none"])
@pytest.mark.parametrize("given", [[BOS, 4, BOS], [BOS, BOS, EOS], [BOS, BOS, BOS]])
def test_the_policy_gradient_is_unbiased(baseline, given, monkeypatch):
    """With gamma = 1, the mean over all fills x of the estimate at x is the gradient of
    sum_x G(x | m) sum_t log D(x_t | x_1:t, m), whatever the critic says."""
    game = game_of(baseline=baseline, discount=1.0)
    generator, mask = game.generator, game.generator.token_mask
    rows = possible_rows(generator, torch.tensor(given))
    game.eval()
    scores = blank_scores(game.discriminator, rows).detach()
    rewards = (F.logsigmoid(scores) * mask(rows)).sum(1)
    exact = gradient((generator.sequence_log_prob(rows).exp() * rewards).sum(), generator)
    chances = generator.sequence_log_prob(rows).exp().detach()
    game.train()
    estimate = torch.zeros_like(exact)
    for row, chance in zip(rows, chances, strict=True):
        monkeypatch.setattr(game, "draw", lambda n, batch, rng, row=row: row[None])
        loss = game.generator_loss({"real": row[None]}, move()).total
        estimate -= chance * gradient(loss, generator)
    torch.testing.assert_close(estimate, exact, rtol=1e-4, atol=1e-5)  # rounding of float32
    assert exact.abs().max() > 1e-2


def test_rewards_are_discounted_over_later_blanks(monkeypatch):
    """R_1 = r_1 + gamma^2 r_3 where the second token is kept; 0 there."""
    game = game_of(discount=0.5, baseline="none").eval()
    row = torch.tensor([[BOS, 4, BOS, 3, 4, 5]])
    r = F.logsigmoid(blank_scores(game.discriminator, row))[0]
    found = game.estimator.action_values(game, row, move().rng)
    torch.testing.assert_close(found, torch.stack([r[0] + 0.25 * r[2], 0 * r[1], r[2]])[None])
    constant = game_of(discount=0.5, reward="constant", baseline="none")
    values = constant.estimator.action_values(constant, row, move().rng)
    assert values.tolist() == [[1.25, 0.0, 1.0]]


def test_d_is_judged_on_blanks_alone():
    """Mean cross-entropy of the blanks of real texts, plus that of generated ones."""
    game = game_of().eval()
    real = torch.tensor([[BOS, 4, EOS, 3, 4, EOS], [5, BOS, BOS, 5, 3, 3]])
    fake = torch.tensor([[BOS, 4, EOS, 5, 4, EOS], [5, BOS, BOS, 5, 4, 3]])
    of_real, of_fake = (blank_scores(game.discriminator, rows) for rows in (real, fake))
    wanted = sum(-F.logsigmoid(of_real[at]) for at in ((0, 0), (1, 1), (1, 2))) / 3
    wanted += sum(-F.logsigmoid(-of_fake[at]) for at in ((0, 0), (1, 1), (1, 2))) / 3
    torch.testing.assert_close(game.judge({"real": real}, fake, move()).total, wanted)


def test_d_reads_the_text_with_blanks_and_the_text_up_to_a_token():
    game = game_of().eval()
    row = torch.tensor([[BOS, 4, BOS, 3, 4, 5]])
    later, other = row.clone(), row.clone()
    later[0, 5], other[0, 1] = 3, BOS
    first, second, third = (blank_scores(game.discriminator, x)[0] for x in (row, later, other))
    torch.testing.assert_close(first[:2], second[:2])
    assert first[2] != second[2]
    assert (first != third).all()


def test_real_and_generated_texts_have_the_same_new_blanks():
    game = game_of(strategy="random", blank_rate=0.5)
    texts = torch.tensor([[3, 4, EOS], [5, EOS, PAD], [3, 3, 4]] * 4)
    given = torch.tensor([[BOS, BOS, BOS]]).expand(12, -1)
    batch = {"real": torch.cat([given, texts], 1)}
    pairs = game.drawn_pairs(batch, move())
    assert torch.equal(pairs["real"][:, LENGTH:], texts)
    assert torch.equal(pairs["real"][:, :LENGTH], pairs["fake"][:, :LENGTH])
    kept = pairs["real"][:, :LENGTH] != BOS
    assert torch.equal(pairs["fake"][:, LENGTH:][kept], texts[kept])
    assert kept.any()
    again = game.drawn_pairs(batch, Move("adversarial", 0, 5, torch.Generator().manual_seed(2)))
    assert not torch.equal(again["real"], pairs["real"])


def test_the_share_of_blanks_rises_over_the_rounds():
    method = MaskGANMethod(blank_rate=0.5, final_blank_rate=1.0)
    assert [method.rate(move(n)) for n in (0, 2, 4)] == [0.5, 0.75, 1.0]
    assert method.rate(move(4, phase="pretrain-generator")) == 0.5
    assert MaskGANMethod().rate(move(4)) == 0.5
    game = game_of(blank_rate=0.5, final_blank_rate=1.0)
    batch = {"real": torch.tensor([[3, BOS, EOS, 3, 4, EOS]])}
    assert (game.blanked(batch, move(4))["real"][:, :LENGTH] == BOS).all()


def test_d_starts_from_the_pretrained_generator():
    """The same states on the same inputs; random weights on request."""
    game = game_of().eval()
    row = torch.tensor([[BOS, 4, BOS, 3, 4, 5]])
    body, reader = game.generator.body, game.discriminator.trunk.body
    assert not torch.equal(body.encode(row), reader.encode(row))  # shaken apart
    game.rule("start_discriminator", {}, move())
    torch.testing.assert_close(body.encode(row), reader.encode(row))
    assert "start_discriminator" in {turn.rule for turn in phases_of()[0].turns}
    rules = {turn.rule for turn in phases_of(discriminator_start="random")[0].turns}
    assert "start_discriminator" not in rules
    generator = InfillingGenerator(CONFIG, 6, LENGTH, bos=BOS, eos=EOS, pad=PAD)
    other = InfillingConfig(rnn_search=RNNSearchConfig(3, 5))
    judge = build_filled_reader(other, 6, LENGTH, bos=BOS, pad=PAD)
    with pytest.raises(UsageError, match="differ in size: give both the same sizes"):
        maskgan.build(generator, judge, MaskGANMethod(), TUNING)
    maskgan.build(generator, judge, MaskGANMethod(discriminator_start="random"), TUNING)


def phases_of(**options):
    return maskgan.phases(MaskGANMethod(**options), TUNING, LENGTH)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"blank_rate": 0.0}, "blank_rate is 0"),
        ({"final_blank_rate": 1.5}, "final_blank_rate is 1.5"),
        ({"baseline": "leave_one_out"}, "leave_one_out compares the completions"),
        ({"reward": "bleu"}, "unknown reward 'bleu'"),
    ],
)
def test_wrong_settings_are_told(setting, message):
    with pytest.raises(UsageError, match=message):
        MaskGANMethod(**setting)
