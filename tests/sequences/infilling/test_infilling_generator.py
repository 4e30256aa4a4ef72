"""A generator that fills blanks: its probabilities by enumeration, kept tokens, agreement of all its ways."""

import copy
import itertools

import pytest
import torch

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig
from seqgan_kit.sequences.generators.tempered import tempered
from seqgan_kit.sequences.generators.transformer_seq2seq import Seq2SeqConfig
from seqgan_kit.sequences.infilling.infilling_generator import InfillingConfig, InfillingGenerator

PAD, BOS, EOS, LENGTH = 0, 1, 2, 3
CONFIG = {
    "rnn_search": InfillingConfig(rnn_search=RNNSearchConfig(4, 4)),
    "transformer_seq2seq": InfillingConfig(
        "transformer_seq2seq", transformer_seq2seq=Seq2SeqConfig(8, 1, 2)
    ),
}
# Texts with blanks (BOS), closed by EOS or by a kept token, or open.
GIVEN = torch.tensor(
    [[3, BOS, EOS], [BOS, BOS, 4], [BOS, 3, BOS], [BOS, BOS, BOS], [4, EOS, PAD], [BOS, EOS, PAD]]
)


def generator_of(body: str, **options) -> InfillingGenerator:
    ids = {"bos": BOS, "eos": EOS, "pad": PAD, **options}
    rng = torch.Generator().manual_seed(1)
    generator = InfillingGenerator(CONFIG[body], 5, LENGTH, **ids, rng=rng).eval()
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=rng), alpha=0.5)
    return generator


def fills(given: torch.Tensor) -> torch.Tensor:
    """All rows [N,2T] of T tokens of which any may be written, after one text with blanks."""
    texts = torch.tensor(list(itertools.product(range(5), repeat=LENGTH)))
    return torch.cat([given.expand(len(texts), -1), texts], 1)


@pytest.mark.parametrize("body", CONFIG)
def test_the_fills_of_a_text_have_probabilities_that_sum_to_1(body):
    """Over all 125 rows of three tokens, by the likelihood, by logits and step by step."""
    generator = generator_of(body)
    for given, count in zip(GIVEN, (2, 4, 6, 15, 1, 2), strict=True):
        rows = fills(given)
        with torch.no_grad():
            chances = generator.sequence_log_prob(rows).exp()
            logits = generator.logits(rows).log_softmax(2)
            state, inputs, stepped = generator.start(rows[:, :LENGTH]), rows[:, 0] * 0 + BOS, []
            for column in rows[:, LENGTH:].t():
                of_step, state = generator.step(inputs, state)
                stepped.append(of_step.log_softmax(1).gather(1, column[:, None]).squeeze(1))
                inputs = column
        assert chances.sum().item() == pytest.approx(1)
        by_logits = logits.gather(2, rows[:, LENGTH:, None]).squeeze(2).sum(1).exp()
        torch.testing.assert_close(by_logits, chances)
        torch.testing.assert_close(torch.stack(stepped, 1).sum(1).exp(), chances)
        possible = rows[chances > 0][:, LENGTH:]
        kept = given != BOS
        assert (possible[:, kept] == given[kept]).all()
        assert len(possible) == count


@pytest.mark.parametrize("body", CONFIG)
def test_samples_have_these_probabilities_and_keep_the_other_tokens(body):
    """Frequencies of 4,000 fills of each text, five standard errors wide; any number of rows at once."""
    generator, n = generator_of(body), 4000
    rng = torch.Generator().manual_seed(2)
    given = GIVEN.repeat_interleave(n, 0)
    rows = generator.sample(len(given), rng=rng, given=given, chunk_rows=9999)
    assert torch.equal(rows[:, :LENGTH], given)
    kept = given != BOS
    assert torch.equal(rows[:, LENGTH:][kept], given[kept])
    for text, of_text in zip(GIVEN, rows.split(n), strict=True):
        all_rows = fills(text)
        with torch.no_grad():
            chances = generator.sequence_log_prob(all_rows).exp()
        number = (of_text[:, LENGTH:] * torch.tensor([25, 5, 1])).sum(1)
        shares = torch.bincount(number, minlength=125) / n
        error = (chances * (1 - chances) / n).sqrt()
        assert ((shares - chances).abs() <= 5 * error + 1e-6).all()


def test_losses_read_the_blanks_alone():
    generator = generator_of("rnn_search")
    rows = torch.cat([GIVEN[:4], torch.tensor([[3, 4, 2], [3, 3, 4], [3, 3, 2], [3, 2, 0]])], 1)
    mask = generator.token_mask(rows)
    wanted = [[0, 1, 0], [1, 1, 0], [1, 0, 1], [1, 1, 0]]
    assert mask.long().tolist() == wanted
    log_probs = generator.log_probs(rows)
    assert (log_probs[~mask] == 0).all()
    assert (log_probs[mask] < 0).all()
    factors = torch.rand(4, LENGTH)
    plain = (log_probs * factors).sum()
    torch.testing.assert_close(generator.weighted_log_prob(rows, factors), plain)
    changed = rows.clone()
    changed[0, LENGTH] = 4  # a kept token that is not kept
    assert generator.sequence_log_prob(changed)[0] < -1e8


def test_a_kept_token_is_read_by_the_decoder():
    """G(x_2 | x_1, m): the same blank after another kept token has other probabilities."""
    generator = generator_of("transformer_seq2seq")
    rows = torch.tensor([[3, BOS, EOS, 3, 3, EOS], [4, BOS, EOS, 4, 3, EOS]])
    first, second = generator.sequence_log_prob(rows).tolist()
    assert first != pytest.approx(second)


def test_temperature_and_copies_change_the_probabilities_of_blanks():
    generator = generator_of("rnn_search")
    rows = torch.tensor([[3, BOS, EOS, 3, 3, EOS]])
    logits = generator.logits(rows)[0, 1]
    half = tempered(generator, 0.5)
    wanted = (2 * logits[3:]).log_softmax(0)[0]
    torch.testing.assert_close(half.sequence_log_prob(rows)[0], wanted)
    torch.testing.assert_close(generator.logits(rows)[0, 1], logits)
    again = copy.deepcopy(generator)
    again.load_state_dict(generator.state_dict())
    assert len(generator.state_dict()) == len({id(p) for p in generator.parameters()})


def test_the_most_likely_fill():
    generator = generator_of("rnn_search")
    given = torch.tensor([[3, BOS, EOS]]).repeat(20, 1)
    rows = generator.sample(20, rng=torch.Generator(), given=given, top_k=1)
    assert (rows[:, 4] == generator.logits(rows)[0, 1].argmax()).all()


def test_rows_without_an_end():
    """V = 4 with BOS as the mark, T = 3: three words for each blank."""
    ids = {"bos": 3, "eos": None, "pad": None}
    generator = InfillingGenerator(CONFIG["rnn_search"], 4, LENGTH, **ids).eval()
    given = torch.tensor([[3, 1, 3]])
    texts = torch.tensor(list(itertools.product(range(4), repeat=LENGTH)))
    rows = torch.cat([given.expand(64, -1), texts], 1)
    assert generator.sequence_log_prob(rows).exp().sum().item() == pytest.approx(1)


def test_what_cannot_be_is_refused():
    generator = generator_of("rnn_search")
    with pytest.raises(UsageError, match="neither beam search nor rewards by completions"):
        generator.stepper()
    with pytest.raises(UsageError, match="given a text of the 3 tokens that it writes, not 2"):
        generator_of("rnn_search", given=2)
    with pytest.raises(UsageError, match=r"pass given=\[2,3\]"):
        generator.sample(2, rng=torch.Generator())
