"""The n-gram language model, against the definition worked out word by word, and against nltk."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.lm import KneserNeyInterpolated
from nltk.util import everygrams

from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.metrics.statistics.divergences import Estimate
from seqgan_kit.metrics.statistics.nll import nll_estimates, perplexity
from seqgan_kit.metrics.text.kneser_ney import FALLBACK_DISCOUNTS, Level
from seqgan_kit.metrics.text.language_model import KneserNey, lm_score, reverse_lm_score

WORDS = ("a", "b", "c", "d")
texts = st.lists(st.lists(st.sampled_from(WORDS), max_size=6), min_size=1, max_size=12)


class ByDefinition:
    """The equations of the docstring, one probability at a time, from lists of tuples."""

    def __init__(self, sentences, order, vocabulary, discount=None):
        self.order, self.vocabulary, self.discount = order, [*vocabulary, "<unk>", "</s>"], discount
        self.counts = {k: Counter() for k in range(1, order + 1)}
        for words in sentences:
            known = [word if word in vocabulary else "<unk>" for word in words]
            line = ["<s>", *known, "</s>"]
            for k, counts in self.counts.items():
                counts.update(tuple(line[i : i + k]) for i in range(len(line) - k + 1))
        self.adjusted = {k: self.adjust(k) for k in self.counts}
        self.of = {k: Counter(adjusted.values()) for k, adjusted in self.adjusted.items()}

    def adjust(self, k):
        if k == self.order:
            return Counter({g: n for g, n in self.counts[k].items() if g != ("<s>",)})
        adjusted = Counter(g[1:] for g in self.counts[k + 1])
        adjusted |= {g: n for g, n in self.counts[k].items() if g[0] == "<s>" and k > 1}
        return adjusted

    def d(self, k, count):
        if self.discount is not None:
            return self.discount if count else 0.0
        n = [self.of[k][i] for i in range(5)]
        if 0 in n[1:]:
            return (0, *FALLBACK_DISCOUNTS)[min(count, 3)]
        y = n[1] / (n[1] + 2 * n[2])
        d = [0, 1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]]
        if not all(0 < d[i] <= i for i in (1, 2, 3)):
            d = [0, *FALLBACK_DISCOUNTS]
        return d[min(count, 3)]

    def prob(self, word, history):
        k = len(history) + 1
        shorter = self.prob(word, history[1:]) if history else 1 / len(self.vocabulary)
        follow = {g[-1]: a for g, a in self.adjusted[k].items() if g[:-1] == history}
        total = sum(follow.values())
        if not total:
            return shorter
        left = sum(self.d(k, a) for a in follow.values()) / total
        own = follow.get(word, 0)
        return max(own - self.d(k, own), 0) / total + left * shorter

    def after(self, prefix):
        line = ("<s>", *(word if word in self.vocabulary else "<unk>" for word in prefix))
        history = line[max(0, len(line) - self.order + 1) :] if self.order > 1 else ()
        return {word: self.prob(word, history) for word in self.vocabulary}


@given(texts, st.integers(1, 5), st.lists(st.sampled_from((*WORDS, "z")), max_size=6))
@settings(max_examples=150, deadline=None)
def test_probabilities_are_those_of_the_definition_and_sum_to_one(sentences, order, prefix):
    """For any text, order and beginning, known words or not; "d" is never in the vocabulary."""
    model = KneserNey(sentences, order, vocabulary="abc")
    given = model.next_word_probs(prefix)
    assert math.fsum(given.values()) == pytest.approx(1, abs=1e-12)
    assert min(given.values()) > 0
    expected = ByDefinition(sentences, order, "abc").after(prefix)
    assert given == pytest.approx(expected, abs=1e-12)


@given(texts, st.integers(1, 5), st.sampled_from((0.1, 0.75, 1.0)))
@settings(max_examples=50, deadline=None)
def test_one_discount_for_all(sentences, order, discount):
    model = KneserNey(sentences, order, vocabulary=WORDS, discount=discount)
    for prefix in ([], ["a"], ["b", "a", "c"]):
        expected = ByDefinition(sentences, order, WORDS, discount).after(prefix)
        assert model.next_word_probs(prefix) == pytest.approx(expected, abs=1e-12)


def natural(lines: int = 400, seed: int = 0) -> list[list[str]]:
    """Sentences of Zipf's words, enough of them for discounts from the counts."""
    rng = np.random.default_rng(seed)
    words = [f"w{i}" for i in range(60)]
    shares = 1 / np.arange(1, 61)
    shares /= shares.sum()
    return [list(rng.choice(words, rng.integers(1, 9), p=shares)) for _ in range(lines)]


def test_discounts_come_from_the_counts_of_counts():
    """On a text with enough n-grams no level falls back, and the definition agrees."""
    text = natural()
    model = KneserNey(text, 3)
    slow = ByDefinition(text, 3, model.words)
    for k, discounts in enumerate(model.discounts, start=1):
        assert discounts == pytest.approx([slow.d(k, count) for count in (1, 2, 3)])
    assert FALLBACK_DISCOUNTS not in model.discounts[1:]
    for prefix in (["w0"], ["w1", "w0", "w3"], ["w59", "w58"]):
        assert model.next_word_probs(prefix) == pytest.approx(slow.after(prefix), abs=1e-12)


def test_a_sentence_has_the_product_of_its_words_probabilities():
    text = natural(50)
    model = KneserNey(text, 4)
    sentences = [["w1", "w0", "never"], [], ["w2"] * 7]
    log_probs, counts = model.sentence_log_probs(sentences)
    assert counts.tolist() == [4, 1, 8]
    for words, log_prob in zip(sentences, log_probs, strict=True):
        steps = [model.next_word_probs(words[:i]) for i in range(len(words) + 1)]
        said = ["<unk>" if word == "never" else word for word in words] + ["</s>"]
        by_hand = sum(math.log(probs[word]) for probs, word in zip(steps, said, strict=True))
        assert log_prob == pytest.approx(by_hand, abs=1e-12)


def test_agrees_with_nltk_inside_sentences():
    """nltk's single words have no discount, and it has no rule for sentences' starts: not compared."""
    text, discount = natural(60), 0.6
    model = KneserNey(text, 3, discount=discount)
    words = model._levels[0]
    said = np.array([*ByDefinition(text, 3, model.words).adjusted[1].items()], dtype=object)
    plain = words.shares * 0
    for (word,), count in said:
        plain[1 if word == "</s>" else model._ids[word]] = count
    model._levels[0] = Level(words.keys, plain / plain.sum(), np.zeros(1))
    nltk_model = KneserNeyInterpolated(3, discount=discount)
    lines = [["<s>", *words, "</s>"] for words in text]
    nltk_model.fit(
        (list(everygrams(line, max_len=3)) for line in lines), {w for x in lines for w in x}
    )
    checked = 0
    for prefix in text:
        if len(prefix) >= 2:  # the history is then two words of the sentence
            ours = model.next_word_probs(prefix)
            for word in ("w0", "w1", "w7", "</s>"):
                theirs = nltk_model.unmasked_score(word, tuple(prefix[-2:]))
                assert ours[word] == pytest.approx(theirs, abs=1e-12)
                checked += 1
    assert checked > 100


def test_scores_tell_quality_from_diversity():
    """One good sentence over and over: the best LM score, the worst reverse one."""
    train, held_out, rng = natural(400), natural(400, seed=1), np.random.default_rng(0)
    model = KneserNey(train)
    logs, _ = model.sentence_log_probs(train)
    one = [train[int(np.argmax(logs))]] * 400
    noise = [list(rng.permutation([f"w{i}" for i in range(60)])[:5]) for _ in range(400)]
    real = natural(400, seed=2)
    own = {
        n: lm_score(s, model)[0].value for n, s in (("one", one), ("noise", noise), ("real", real))
    }
    assert own["one"] < own["real"] < own["noise"]
    reverse = {
        n: reverse_lm_score(s, held_out, model.words)[0].value
        for n, s in (("one", one), ("noise", noise), ("real", real))
    }
    assert reverse["real"] < reverse["noise"] < reverse["one"]


def test_few_words_are_no_advantage_where_the_vocabulary_is_given():
    """A vocabulary of the samples' own would make all that they lack one cheap event."""
    held_out = natural(200, seed=1)
    vocabulary = KneserNey(natural(400)).words
    one = [["w0"]] * 200
    own = KneserNey(one).sentence_log_probs(held_out)
    assert nll_estimates(*own)[0].value < reverse_lm_score(one, held_out, vocabulary)[0].value - 0.5


def test_standard_errors_are_those_of_repetitions():
    model = KneserNey(natural(400))
    drawn = natural(8000, seed=1)
    runs = [lm_score(drawn[start : start + 80], model) for start in range(0, 8000, 80)]
    for unit in (0, 1):
        spread = np.std([run[unit].value for run in runs])
        claimed = np.mean([run[unit].standard_error for run in runs])
        assert claimed == pytest.approx(spread, rel=0.25)


def test_perplexity_is_exp_of_the_nats_per_token():
    per_token = nll_estimates(np.array([-2.0, -4.0]), np.array([1.0, 2.0]))[0]
    assert per_token.value == 2
    assert perplexity(per_token).value == math.exp(2)
    assert perplexity(Estimate(1e4, 0.0)) == Estimate(math.inf, math.inf)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 0}, "of 1 or more, got 0"),
        ({"discount": 0.0}, "at most 1, got 0"),
        ({"discount": 2}, "got 2"),
    ],
)
def test_settings_out_of_range(options, message):
    with pytest.raises(UsageError, match=message):
        KneserNey([["a"]], **options)


def test_no_sentences():
    with pytest.raises(DataError, match="needs at least one training sentence"):
        KneserNey([])
    with pytest.raises(DataError, match="scores at least one sentence"):
        KneserNey([["a"]]).sentence_log_probs([])
