"""AdverSuc on replies whose right answer is known: humans, one reply for all, random replies."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from seqgan_kit.evaluation.conditional.adversarial_success import (
    HumanReplies,
    ReplyEvaluation,
    evaluator_notes,
    human_replies,
    reply_columns,
)
from seqgan_kit.evaluation.conditional.reply_evaluator import (
    EvaluatorSettings,
    right_shares,
    train_evaluator,
)

GIVEN, WORDS = 2, 6
SMALL = EvaluatorSettings(
    embedding=16, hidden=12, dropout=0.0, epochs=8, batch_size=50, learning_rate=2e-2
)


def talks(count: int, seed: int) -> HumanReplies:
    """Sources of three words; a human answers with the last one and one of two endings."""
    rng = torch.Generator().manual_seed(seed)
    sources = torch.randint(4, 4 + WORDS, (count, GIVEN), generator=rng)
    endings = torch.randint(0, 2, (2, count, 1), generator=rng) + 4 + WORDS
    end = torch.full((count, 1), 2)
    first, other = (torch.cat([sources, sources[:, -1:], one, end], 1) for one in endings)
    return HumanReplies(GIVEN, first, other)


@pytest.fixture(scope="module")
def evaluation() -> ReplyEvaluation:
    return ReplyEvaluation(4 + WORDS + 2, 0, talks(500, 1), talks(200, 2), SMALL, 7)


def as_a_human(given: Tensor, rng: torch.Generator) -> Tensor:
    endings = torch.randint(0, 2, (len(given), 1), generator=rng) + 4 + WORDS
    return torch.cat([given, given[:, -1:], endings, torch.full((len(given), 1), 2)], 1)


def always_the_same(given: Tensor, rng: torch.Generator) -> Tensor:
    return torch.cat([given, torch.tensor([[4, 4 + WORDS, 2]]).expand(len(given), -1)], 1)


def as_a_deaf_human(given: Tensor, rng: torch.Generator) -> Tensor:
    heard = given[torch.randperm(len(given), generator=rng)]
    return torch.cat([given, as_a_human(heard, rng)[:, GIVEN:]], 1)


def test_the_checks_have_their_known_answers(evaluation):
    """Human against human 0.5; against random replies, of which one in six fits, 11/12."""
    scores = evaluation.of_humans()
    same, random = scores["adver_suc"], scores["reply_vs_random"]
    assert abs(same.value - 0.5) < 4 * same.standard_error + 1e-9
    assert random.value == pytest.approx(11 / 12, abs=4 * random.standard_error)
    values = {name: estimate.value for name, estimate in scores.items()}
    errors = {name: estimate.standard_error for name, estimate in scores.items()}
    (note,) = evaluator_notes(values, errors)
    assert f"human against human {1 - same.value:.3f}" in note
    assert f"against random replies {random.value:.3f}" in note


@pytest.mark.parametrize("write", [always_the_same, as_a_deaf_human])
def test_models_that_ignore_the_source_are_found_out(evaluation, write):
    """Their replies are right by chance in one of six cases, and an evaluator is wrong in half of these; it
    cannot tell them from random replies by what they say of the source."""
    scores = evaluation.of_model(write)
    assert scores["adver_suc"].value == pytest.approx(1 / 12, abs=0.1)
    if write is as_a_deaf_human:
        assert scores["reply_vs_random"].value == pytest.approx(0.5, abs=0.12)


def test_an_evaluation_is_repeatable_and_leaves_torchs_generator(evaluation):
    small = ReplyEvaluation(14, 0, talks(60, 1), talks(20, 2), SMALL, 7)
    before = torch.get_rng_state()
    first = small.of_model(as_a_deaf_human)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(123)
    assert small.of_model(as_a_deaf_human) == first


def test_bad_checks_are_reported():
    biased = evaluator_notes(
        {"adver_suc": 0.3, "reply_vs_random": 0.99}, {"adver_suc": 0.02, "reply_vs_random": 0.01}
    )
    assert "human from human replies with accuracy 0.700" in biased[1]
    weak = evaluator_notes(
        {"adver_suc": 0.5, "reply_vs_random": 0.61}, {"adver_suc": 0.02, "reply_vs_random": 0.01}
    )
    assert "finds only 61.0% of random replies" in weak[1]


def test_random_replies_are_replies_to_other_sources(rng):
    humans = talks(50, 3)
    rows = humans.shuffled(rng)
    assert torch.equal(rows[:, :GIVEN], humans.sources)
    numbered = HumanReplies(1, torch.arange(9)[:, None].repeat(1, 2), torch.zeros(9, 2))
    source, reply = numbered.shuffled(rng).t()
    assert (source != reply).all()
    assert sorted(reply.tolist()) == list(range(9))


def test_two_replies_to_a_source_are_swapped_at_random(rng):
    humans = HumanReplies(1, torch.zeros(1000, 2), torch.ones(1000, 2))
    one, two = humans.swapped(rng)
    assert torch.equal(one + two, torch.ones(1000, 2))
    assert abs(one[:, 0].mean() - 0.5) < 5 * 0.5 / 1000**0.5


@dataclass
class Corpus:
    """What human_replies reads of a corpus."""

    train: Tensor
    test: Tensor
    sources: dict[str, list[str]]
    given: int = 1


def test_replies_are_grouped_by_source():
    rows = torch.tensor([[1, 10], [2, 20], [1, 11], [3, 30], [1, 12]])
    corpus = Corpus(rows, rows[:0], {"train": list("abaca"), "test": []})
    humans = human_replies(corpus, ("test", "train"), 2)  # type: ignore[arg-type]
    assert humans.first.tolist() == [[1, 10], [2, 20]]
    assert humans.other.tolist() == [[1, 11], [2, 20]]


def test_a_score_of_zero_counts_half():
    class Undecided(torch.nn.Module):
        def forward(self, rows: Tensor) -> Tensor:
            return rows[:, 0].float()

    rows = torch.tensor([[1], [0], [-1]])
    assert right_shares(Undecided(), rows, rows).tolist() == [0.5, 0.5, 0.5]  # type: ignore[arg-type]
    assert right_shares(Undecided(), rows, -rows).tolist() == [1, 0.5, 0]  # type: ignore[arg-type]


def test_one_pair_is_enough_and_columns_say_how(evaluation):
    one = talks(1, 1)
    train_evaluator(one.first, one.other, SMALL, vocabulary=14, given=GIVEN, pad=0, seed=1)
    signatures = [column["signature"] for column in reply_columns(evaluation)]
    assert signatures[0].startswith("adver-suc|bigru12+align|train:500|epochs:8|hyps:200|seed:7|")
