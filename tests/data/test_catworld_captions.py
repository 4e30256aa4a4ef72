"""The captions of the whole world: size, shape, frequencies, parsing, refusals."""

import math
import re
import time
from collections import Counter

import numpy as np
import pytest

from seqgan_kit.data.catworld import CatWorld
from seqgan_kit.data.catworld.captions.grammar import facts_of
from seqgan_kit.data.catworld.scenes.scene import CAT_COUNTS
from seqgan_kit.errors import UsageError

WORLD = CatWorld()


@pytest.fixture(scope="module")
def captions() -> list[str]:
    return WORLD.sample_many(100_000, np.random.default_rng(0))


@pytest.fixture(scope="module")
def pairs() -> list[tuple[dict[str, str], str]]:
    """Facts of scenes with captions told of them: the path that knows no marginal."""
    rng = np.random.default_rng(1)
    return [
        (facts_of(scene), text) for scene, text in (WORLD.sample_pair(rng) for _ in range(8000))
    ]


def test_the_world_has_the_promised_size() -> None:
    assert len(WORLD.vocabulary()) >= 150
    assert WORLD.support_size() > 1_000_000
    assert WORLD.lengths() == (4, 24)
    assert WORLD.ambiguities == 0


def test_entropy_is_the_mean_of_minus_log_p(captions: list[str]) -> None:
    values = -WORLD.log_prob_many(captions)
    assert np.isfinite(values).all()
    assert abs(values.mean() - WORLD.entropy()) < 4 * values.std() / math.sqrt(len(values))


def test_told_scenes_follow_the_law_of_captions(pairs: list[tuple[dict[str, str], str]]) -> None:
    values = -WORLD.log_prob_many([text for _, text in pairs])
    assert abs(values.mean() - WORLD.entropy()) < 4 * values.std() / math.sqrt(len(values))
    n, seen = len(pairs), Counter(text for _, text in pairs)
    for caption, lp in WORLD.head(40):
        p = math.exp(lp)
        assert abs(seen[caption] - n * p) < 4.5 * math.sqrt(n * p * (1 - p)) + 1, caption


def test_frequent_captions_are_as_frequent_as_they_should(captions: list[str]) -> None:
    n, seen = len(captions), Counter(captions)
    z = [(seen[c] - n * math.exp(lp)) / math.sqrt(n * math.exp(lp)) for c, lp in WORLD.head(200)]
    assert max(map(abs, z)) < 4.5
    assert 0.75 < np.std(z) < 1.25


def test_words_are_skewed_like_text(captions: list[str]) -> None:
    counts = sorted(Counter(w for c in captions for w in c.split()).values(), reverse=True)
    ranks = np.arange(1, 101)
    slope = np.polyfit(np.log(ranks), np.log(counts[:100]), 1)[0]
    assert -2 < slope < -0.8
    assert counts[-1] < sum(counts) / 50_000


def test_next_words_multiply_to_the_probability(captions: list[str]) -> None:
    for caption in captions[:20]:
        words, total = caption.split(), 0.0
        for at, word in enumerate(words):
            options = WORLD.next_words(" ".join(words[:at]))
            assert math.fsum(options.values()) == pytest.approx(1)
            total += math.log(options[word])
        assert total == pytest.approx(WORLD.log_prob(caption))
        assert WORLD.next_words(caption) == {}
    assert WORLD.next_words("a dog") == {}


def test_parse_names_what_is_true(pairs: list[tuple[dict[str, str], str]]) -> None:
    for facts, caption in pairs[:1500]:
        parsed = WORLD.parse(caption)
        assert parsed.valid, (caption, parsed.reason)
        truth = facts | {"cats": CAT_COUNTS[int(facts["cats"]) - 1]}
        assert parsed.attributes.items() <= truth.items(), caption


def test_a_caption_is_possible_only_of_scenes_it_is_true_of() -> None:
    rng = np.random.default_rng(3)
    scene, caption = WORLD.sample_pair(rng)
    assert 0 < WORLD.probability_given(caption, scene) <= 1
    named = WORLD.parse("a black cat is sleeping .").attributes
    for other in (WORLD.law.sample(rng) for _ in range(200)):
        facts = facts_of(other) | {"cats": CAT_COUNTS[len(other.cats) - 1]}
        fits = named.items() <= facts.items()
        assert (WORLD.probability_given("a black cat is sleeping .", other) > 0) == fits


@pytest.mark.parametrize(
    ("caption", "reason"),
    [
        ("an black cat is sitting .", r"'an black': 'a' is needed before 'black'"),
        ("a enormous cat is sitting .", r"'a enormous': 'an' is needed before 'enormous'"),
        ("two cats is sitting .", r"'cats is': 'are' is needed here"),
        ("two cat are sitting .", r"'two cat': 'cats' is needed here"),
        ("a cat are sitting .", r"'cat are': 'is' is needed here"),
        ("there is a cat that sleep .", r"'that sleep': 'sleeps' is needed here"),
        ("a black cat is sitting , licking its white paw .", r"the coat was 'black' before"),
        ("an ebony cat is sitting , licking its white paw .", r"the coat was 'ebony' before"),
        ("a cat is sitting , licking its white paw .", r"only if it was named before"),
        ("a black tomcat is sitting , licking its black paw .", r"'licking its': 'his' is needed"),
        ("a she-cat is sitting because he is calm .", r"'because he': 'she' is needed here"),
        ("a cat with blue eyes is sleeping .", r"'sleeping' says that they are not"),
        ("on the sofa a cat is sitting in the garden .", r"'in' cannot stand here"),
        ("a happy cat is sitting , looking calm .", r"'looking' cannot stand here"),
        ("a dog is sitting .", r"'dog' is not a word of the cat world"),
        ("a cat is sitting", r"ends after 'sitting'; it could go on with .*'\.'"),
        ("a cat is sitting . .", r"nothing may follow the full stop"),
        ("A cat is sitting .", r"'A' is not a word"),
        ("a cat  is sitting .", r"single spaces"),
        ("", r"single spaces"),
    ],
)  # fmt: skip
def test_what_is_not_a_caption_is_told_why(caption: str, reason: str) -> None:
    assert WORLD.log_prob(caption) == -math.inf
    parsed = WORLD.parse(caption)
    assert not parsed.valid
    assert not parsed.attributes
    assert re.search(reason, parsed.reason), parsed.reason


def test_damaged_captions_are_refused_by_both_or_by_neither(captions: list[str]) -> None:
    rng, refused = np.random.default_rng(4), 0
    for caption in captions[:1000]:
        words = caption.split()
        i, j = rng.choice(len(words), 2, replace=False)
        words[i], words[j] = words[j], words[i]
        damaged = " ".join(words)
        parsed = WORLD.parse(damaged)
        assert parsed.valid == math.isfinite(WORLD.log_prob(damaged)), damaged
        assert bool(parsed.reason) != parsed.valid
        refused += not parsed.valid
    assert refused > 900


def test_scoring_ten_thousand_captions_is_quick(captions: list[str]) -> None:
    WORLD.entropy()
    start = time.process_time()
    scores = WORLD.log_prob_many(captions[:10_000])
    assert time.process_time() - start < 2
    assert scores.shape == (10_000,)


def test_the_same_generator_gives_the_same_captions() -> None:
    first, again = (WORLD.sample_many(50, np.random.default_rng(9)) for _ in range(2))
    assert first == again
    assert first != WORLD.sample_many(50, np.random.default_rng(10))
    assert WORLD.log_prob(WORLD.sample(np.random.default_rng(9))) > -math.inf


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(UsageError, match="cannot draw -1 captions"):
        WORLD.sample_many(-1, np.random.default_rng(0))
    with pytest.raises(UsageError, match="at least 0"):
        WORLD.head(-5)
    assert WORLD.sample_many(0, np.random.default_rng(0)) == []
    assert WORLD.head(0) == []
