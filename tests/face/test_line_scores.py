"""``sk.bleu``, ``sk.self_bleu`` and ``sk.evaluate`` on lines."""

import pytest

import seqgan_kit as sk
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.text.bleu import bleu, self_bleu

HYPOTHESES = ["the cat sat on the mat", "a dog ran", "the cat sat"]
REFERENCES = ["the cat sat on a mat", "a dog ran home", "birds sing"]


def test_lines_are_split_at_white_space():
    tokens = [line.split() for line in HYPOTHESES], [line.split() for line in REFERENCES]
    assert sk.bleu(HYPOTHESES, REFERENCES, orders=(2, 3)) == bleu(*tokens, (2, 3))
    assert sk.bleu(*tokens) == bleu(*tokens)
    assert sk.self_bleu(HYPOTHESES) == self_bleu(tokens[0])


def test_mistakes_are_sentences():
    with pytest.raises(UsageError, match="one string was given"):
        sk.bleu("the cat", REFERENCES)
    with pytest.raises(DataError, match="at least one reference"):
        sk.bleu(HYPOTHESES, [])


def test_evaluate_gives_samples_and_real_text():
    card = sk.evaluate(HYPOTHESES, REFERENCES)
    assert set(card) == {"samples", "real text"}
    assert "lm_token" not in card["samples"]
    with_train = sk.evaluate(HYPOTHESES, REFERENCES, train=REFERENCES * 4, encoder="none")
    assert "lm_token" in with_train["samples"]
    assert "BLEU-2" in str(card)
