"""What is said of each token, against the model's own numbers and exact enumeration; and its HTML."""

import itertools
import re

import pytest
import torch

from seqgan_kit.explorer.token_markup import (
    LIKELIHOOD,
    VALUE,
    likelihood_colour,
    lines_markup,
    value_colour,
)
from seqgan_kit.explorer.token_readings import action_values, read_rows, token_texts


@pytest.fixture
def rows(text_run):
    with text_run.model() as model:
        return model.generator.sample(6, rng=torch.Generator().manual_seed(1))


def test_log_probs_ranks_and_alternatives_are_the_models(text_run, rows):
    with text_run.model() as model:
        generator = model.generator
        readings = read_rows(generator, model.tokenizer, rows)
        exact = generator.sequence_log_prob(rows).tolist()
        logits = generator.logits(rows)
    assert [line.log_prob for line in readings] == pytest.approx(exact, abs=1e-5)
    for row, line in zip(logits, readings, strict=True):
        for scores, token in zip(row, line.tokens, strict=False):
            chances = [chance for _, chance in token.alternatives]
            assert chances == pytest.approx(scores.softmax(0).topk(5).values.tolist(), abs=1e-6)
            assert token.alternatives[0][0] in (
                *["a", "cat", "<b>", "sat", "ran", "<unk>"],
                "(end)",
            )
    best = readings[0].tokens[0]
    assert (best.rank == 0) == (best.text == best.alternatives[0][0])


def test_texts_join_to_the_line(text_run, rows):
    with text_run.model() as model:
        for row in rows.tolist():
            count = row.index(2) + 1 if 2 in row else len(row)
            texts = token_texts(model.tokenizer, row[:count], 2)
            assert "".join(texts) == model.tokenizer.decode(row)


def test_action_values_are_the_mean_of_d_over_all_completions(
    tiny_generator, table_discriminator, rng
):
    """V=4, T=3: Q(y1, y2) = sum over y3 of G(y3 | y1 y2) sigmoid(D(y1 y2 y3)), by enumeration."""
    generator = tiny_generator(vocabulary=4, length=3)
    scores = 3 * torch.randn(4**3, generator=rng)
    judge = table_discriminator(scores, 4, 3)
    row = torch.tensor([[3, 3, 2]])
    values = action_values(generator, judge, row, 4000, rng)[0]
    everything = torch.tensor(list(itertools.product(range(4), repeat=3)))
    verdicts = judge(everything).score.sigmoid()
    chances = generator.sequence_log_prob(everything).exp()
    for length in (1, 2):
        same = (everything[:, :length] == row[0, :length]).all(1) & (chances > 1e-6)
        exact = (chances * verdicts)[same].sum() / chances[same].sum()
        assert values[length - 1].item() == pytest.approx(exact.item(), abs=0.03)
    assert values[2] == judge(row).score.sigmoid()[0]


def test_only_shown_tokens_have_values(text_run, rows):
    with text_run.players() as (model, judge):
        values = action_values(model.generator, judge, rows, 2, torch.Generator().manual_seed(0))
        readings = read_rows(model.generator, model.tokenizer, rows, values)
        whole = judge(rows).score.sigmoid().tolist()
    assert [line.value for line in readings] == pytest.approx(whole, abs=1e-6)
    assert all(0 < token.value < 1 for line in readings for token in line.tokens)


def test_colours_have_their_ends():
    assert likelihood_colour(0.0) == "rgba(213,94,0,0.00)"
    assert likelihood_colour(-100.0) == "rgba(213,94,0,0.75)"
    assert value_colour(0.2, 0.2, 0.6) == "rgba(213,94,0,0.75)"
    assert value_colour(0.6, 0.2, 0.6) == "rgba(0,114,178,0.75)"
    assert value_colour(0.4, 0.4, 0.4).endswith("0.00)")


def test_the_markup_escapes_tokens_and_follows_the_colour(text_run):
    with text_run.players() as (model, judge):
        row = torch.tensor([[*model.tokenizer.encode("a <b> sat"), 2, 0]])
        values = action_values(model.generator, judge, row, 2, torch.Generator().manual_seed(0))
        readings = read_rows(model.generator, model.tokenizer, row, values)
    by_likelihood, by_value = (lines_markup(readings, how, ["<i>"]) for how in (LIKELIHOOD, VALUE))
    for page in (by_likelihood, by_value):
        assert "&lt;b&gt;" in page
        assert "&lt;i&gt;" in page
        assert not re.search(r"<b>(?!p =)", page)
        assert page.count('class="sk-token"') == 4
    assert "probability that the model gave" in by_likelihood
    assert "action value of D" in by_value
    without = read_rows(model.generator, model.tokenizer, row)
    assert "saved without a discriminator" in lines_markup(without, VALUE)
