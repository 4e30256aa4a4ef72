"""WGAN-GP on characters: its losses by hand, its schedule, that it learns, its scores beside the floor."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.feeds import TensorFeed
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.data.text.load_text import TextData, load_text
from seqgan_kit.data.text.tokenizer import EOS, PAD
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.char_scores import CharScorer, CharScoreSettings, diversity, row_length
from seqgan_kit.methods import char_wgan_gp
from seqgan_kit.methods.char_wgan_gp import CharWGANGPMethod
from seqgan_kit.sequences.generators.char_resnet import (
    CharResNet,
    CharResNetConfig,
    CharResNetGenerator,
    CharResNetGeneratorConfig,
)

VOCABULARY, LENGTH = 6, 4


def make(method=None, width=8) -> char_wgan_gp.CharWGANGP:
    torch.manual_seed(0)
    config = CharResNetGeneratorConfig(width, blocks=1, kernel=3, latent=5)
    generator = CharResNetGenerator(config, VOCABULARY, LENGTH)
    trunk = CharResNet(CharResNetConfig(width, 1, 3), VOCABULARY, LENGTH, pad=PAD)
    critic = Discriminator(trunk, trunk.features)
    return char_wgan_gp.build(generator, critic, method or CharWGANGPMethod())


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_critics_loss_is_the_papers(move):
    """mean D(fake) - mean D(real) + 10 mean (|grad D| - 1)^2 on one-hots, softmax rows and between them."""
    game = make()
    generator, critic = game.players["generator"], game.players["discriminator"]
    tokens = torch.randint(0, VOCABULARY, (7, LENGTH + 3), generator=rng(1))
    loss = game.discriminator_loss({"real": tokens}, dataclasses.replace(move, rng=rng()))
    draws = rng()
    fake = generator(torch.randn(7, 5, generator=draws)).softmax(-1).detach()
    real = F.one_hot(tokens[:, :LENGTH], VOCABULARY).float()
    share = torch.rand(7, 1, 1, generator=draws)
    between = (share * real + (1 - share) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).score.sum(), between)
    penalty = ((slope.square().sum((1, 2)).sqrt() - 1) ** 2).mean()
    expected = critic(fake).score.mean() - critic(real).score.mean() + 10 * penalty
    torch.testing.assert_close(loss.total, expected)
    torch.testing.assert_close(loss.logs["gradient_penalty"], 10 * penalty)


def test_the_generators_loss_goes_through_the_softmax_rows(move):
    game = make()
    tokens = torch.zeros(7, LENGTH, dtype=torch.long)
    loss = game.generator_loss({"real": tokens}, dataclasses.replace(move, rng=rng()))
    fake = game.players["generator"].relaxed(7, rng())
    torch.testing.assert_close(loss.total, -game.discriminate(fake).score.mean())
    loss.total.backward()
    assert all(p.grad.abs().sum() > 0 for p in game.players["generator"].parameters())


def test_what_d_sees_is_relaxed_and_what_is_scored_are_ids():
    game = make()
    assert game.draw(3, {}, rng()).shape == (3, LENGTH, VOCABULARY)
    sample = game.sample(3, rng=rng())
    assert sample.dtype == torch.int64
    assert torch.equal(sample, game.draw(3, {}, rng()).argmax(-1))


def test_the_schedule_is_the_papers_codes():
    """200,000 iterations of ten critic steps and one of G, Adam 1e-4 (0.5, 0.9), no pretraining."""
    (phase,) = char_wgan_gp.phases(CharWGANGPMethod())
    critic, generator = phase.turns
    assert phase.rounds == 200_000
    assert (critic.players, critic.moves) == (("discriminator",), 10)
    assert (generator.players, generator.moves) == (("generator",), 1)
    for turn in phase.turns:
        optimizer = turn.optimizer
        assert (optimizer.name, optimizer.learning_rate) == ("adam", 1e-4)
        assert optimizer.betas == (0.5, 0.9)


def test_it_learns_a_language_of_two_words_from_noise(new_run):
    """Half the rows are one word, half the other. Positions drawn alone would say each once in 16."""
    words = torch.tensor([[3, 4, 3, 4], [5, 3, 3, EOS]])
    method = CharWGANGPMethod(
        batch_size=16,
        rounds=100,
        critic_moves=3,
        generator_learning_rate=3e-3,
        critic_learning_rate=3e-3,
    )
    game = make(method, width=16)
    feed = TensorFeed({"real": words.repeat(32, 1)}, 16, seed=0)
    Trainer(new_run(), game, char_wgan_gp.phases(method), feed).fit()
    rows = game.sample(400, rng=rng(7))
    first, second = ((rows == word).all(1).float().mean().item() for word in words)
    assert first + second > 0.6
    assert min(first, second) > 0.2


@pytest.fixture(scope="module")
def corpus():
    return load_text(TextData(tokenizer="char"))


def test_rows_longer_than_the_text_are_refused(corpus):
    assert row_length(corpus, 32) == 32
    for length in (corpus.length + 1, 0):
        with pytest.raises(UsageError, match=f"Give 1 to {corpus.length}"):
            row_length(corpus, length)
    with pytest.raises(UsageError, match="score_samples is 0"):
        CharScoreSettings(0)


def test_scores_order_what_is_worse(corpus):
    """Noise above characters by position above real text, at every order; the floor is not 0."""
    scorer = CharScorer(corpus, 32)
    generator = CharResNetGenerator(
        CharResNetGeneratorConfig(8, 1), corpus.tokenizer.vocabulary_size, 32
    )
    rows = scorer.rows({"WGAN-GP": generator}, seed=0)
    assert [row["name"] for row in rows] == [
        "WGAN-GP",
        "independent characters",
        "real data",
    ]
    for order in (1, 2, 3, 4):
        noise, positions, floor = (row["values"][f"js{order}"] for row in rows)
        assert noise > 0.2
        assert noise > positions
        assert order == 1 or positions > 5 * floor
        assert 0 < floor < 0.03
    record = scorer.record("title", rows)
    assert {c["key"] for c in record["columns"]} == set(rows[0]["values"])
    assert "640 samples of 32 characters" in record["notes"][0]
    assert "10000 lines of test text" in record["notes"][0]


def test_scores_are_those_of_the_rows_themselves(corpus):
    """Against the same rows 0; a row cut short by EOS and PAD counts as it stands."""
    scorer = CharScorer(corpus, 12)
    scores = scorer.scores(corpus.test[:, :12])
    assert [scores[f"js{n}"] for n in (1, 2, 3, 4)] == pytest.approx([0] * 4, abs=1e-12)
    padded = torch.full((20, 12), PAD)
    assert scorer.scores(padded)["js1"] > 0.99
    assert scorer.scores(padded)["diversity"] == 1 / 20


def test_positions_alone_keep_each_positions_characters(corpus):
    scorer = CharScorer(corpus, 16, CharScoreSettings(1000))
    rows = scorer._positions_alone(seed=0)
    assert rows.shape == (1000, 16)
    for position in (0, 1, 7):
        share = (rows[:, position] == corpus.train[0, position]).float().mean()
        true = (corpus.train[:, position] == corpus.train[0, position]).float().mean()
        assert share.item() == pytest.approx(true.item(), abs=0.06)
    assert diversity(rows) > diversity(corpus.train[:1000, :16])


def test_text_without_held_out_lines_is_scored_against_itself(corpus):
    none = corpus.train[:0]
    bare = dataclasses.replace(corpus, train=corpus.train[:50], valid=none, test=none)
    scorer = CharScorer(bare, 32)
    assert scorer.count == 50
    rows = scorer.rows({}, seed=0)
    assert [row["name"] for row in rows] == ["independent characters"]
    assert "50 lines of training text" in scorer.record("title", rows)["notes"][0]


def test_hooks_measure_and_write_the_game(corpus, tmp_path):
    torch.manual_seed(0)
    generator = CharResNetGenerator(
        CharResNetGeneratorConfig(8, 1), corpus.tokenizer.vocabulary_size, 32
    )
    trunk = CharResNet(CharResNetConfig(8, 1), corpus.tokenizer.vocabulary_size, 32, pad=PAD)
    critic = Discriminator(trunk, trunk.features)
    game = char_wgan_gp.build(generator, critic, CharWGANGPMethod())
    scorer = CharScorer(corpus, 32, CharScoreSettings(100))
    values = scorer(game, rng())
    assert set(values) == {"js1", "js2", "js3", "js4", "diversity"}
    scorer.draw_lines(game, rng(), tmp_path / "000001")
    assert len((tmp_path / "000001.txt").read_text().splitlines()) == 50
    assert scorer.real_diversity() > 0.9
