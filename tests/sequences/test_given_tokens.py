"""Rows that are written after given tokens, against enumeration: V=3, S=2, T=3, source by source."""

import copy
import itertools
from dataclasses import replace

import pytest
import torch
from policy_worlds import ROWS, build_world, contributions, distance, in_groups
from small_worlds import enumerate_sequences

from seqgan_kit.core.adversarial import Pathwise
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.estimators import BoundarySeeking
from seqgan_kit.core.game import Move
from seqgan_kit.core.objectives import non_saturating
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.discriminators.prefix_scorer import PrefixScorer
from seqgan_kit.sequences.discriminators.textcnn import TextCNN, TextCNNConfig
from seqgan_kit.sequences.estimators import baselines, leave_one_out
from seqgan_kit.sequences.estimators import reinforce as estimators
from seqgan_kit.sequences.estimators.baselines import (
    BASELINES,
    RewardAverage,
    baseline_players,
    mean_of_others,
)
from seqgan_kit.sequences.estimators.gumbel import GumbelSoftmax, sample_relaxed
from seqgan_kit.sequences.estimators.importance import ImportanceWeighted
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.estimators.trials import rollout_rewards, try_actions
from seqgan_kit.sequences.fine_tuning import FineTuning, fine_tuning_phases
from seqgan_kit.sequences.generators.generator_choice import (
    GeneratorChoice,
    build_generator,
)
from seqgan_kit.sequences.generators.lstm import LSTMConfig
from seqgan_kit.sequences.generators.relational_memory import RelationalConfig
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig
from seqgan_kit.sequences.generators.transformer import TransformerConfig
from seqgan_kit.sequences.generators.transformer_seq2seq import Seq2SeqConfig
from seqgan_kit.sequences.maximum_likelihood import LikelihoodGame
from seqgan_kit.sequences.sampling.beam_search import beam_search
from seqgan_kit.sequences.sampling.prefixes import continue_prefixes
from seqgan_kit.sequences.sampling.rollout import complete_prefixes
from seqgan_kit.sequences.sequence_game import SequenceGame

WORDS, GIVEN, LENGTH = 3, 2, 3
SOURCES = torch.tensor(list(itertools.product(range(WORDS), repeat=GIVEN)))
ENDING = {"bos": 1, "eos": 2, "pad": 0}
TINY = {
    "lstm": LSTMConfig(embedding=4, hidden=6, layers=2, initial_std=0.8),
    "transformer": TransformerConfig(width=8, layers=2, heads=2, dropout=0.0, initial_std=0.6),
    "relational": RelationalConfig(embedding=4, slots=2, heads=2, head_size=3),
    "rnn_search": RNNSearchConfig(embedding=4, hidden=5, dropout=0.0),
    "transformer_seq2seq": Seq2SeqConfig(width=8, layers=2, heads=2, dropout=0.0, initial_std=0.6),
}
every_kind = pytest.mark.parametrize("kind", TINY)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def make(kind, vocabulary=WORDS, length=LENGTH, given=GIVEN, source_vocabulary=0, **tokens):
    tokens = tokens or {"bos": 0, "eos": None, "pad": None}
    choice = replace(GeneratorChoice(kind), **{kind: TINY[kind]})
    tokens |= {"given": given, "source_vocabulary": source_vocabulary}
    generator = build_generator(choice, vocabulary, length, rng=seeded(), **tokens)
    with torch.no_grad():
        generator.output.weight.normal_(0.0, 1.0, generator=seeded(1))
    return generator.eval()


def every_row(generator, sources=SOURCES):
    written = enumerate_sequences(generator)
    return torch.cat(
        [sources.repeat_interleave(len(written), 0), written.repeat(len(sources), 1)], 1
    )


def reader(length, vocabulary=WORDS, pad=None):
    """A discriminator that reads what is given and what is written alike."""
    torch.manual_seed(5)
    trunk = TextCNN(TextCNNConfig(4, ((1, 6), (2, 6), (3, 6)), 0.0), vocabulary, length, pad=pad)
    discriminator = Discriminator(trunk, trunk.features).eval()
    torch.nn.init.normal_(discriminator.score.weight)
    return discriminator


@every_kind
@pytest.mark.parametrize("tokens", [{}, {"vocabulary": 5, **ENDING}], ids=["full", "ending"])
def test_probabilities_sum_to_1_after_every_source_in_float64(kind, tokens):
    generator = make(kind, **tokens).double()
    rows = every_row(generator)
    logits = generator.logits(rows).log_softmax(-1)
    of_tokens = logits.gather(2, generator.written(rows).unsqueeze(2)).squeeze(2)
    chances = (of_tokens * generator.token_mask(rows)).sum(1).exp().view(len(SOURCES), -1)
    torch.testing.assert_close(
        chances.sum(1), torch.ones(len(SOURCES)).double(), rtol=0, atol=1e-12
    )
    assert (chances[0] - chances[5]).abs().max() > 0.01, "the source makes no difference"
    own = generator.float().sequence_log_prob(rows).view(len(SOURCES), -1)
    torch.testing.assert_close(own.double().exp(), chances, rtol=1e-4, atol=1e-6)


@every_kind
def test_samples_after_a_source_follow_its_own_law(kind):
    generator, count = make(kind), 3000
    rows = generator.sample(len(SOURCES) * count, given=SOURCES.repeat(count, 1), rng=seeded(2))
    assert torch.equal(rows[:, :GIVEN], SOURCES.repeat(count, 1))
    places = WORDS ** torch.arange(LENGTH)
    every = every_row(generator)
    for source in (0, 5):
        part = every[source * 27 : (source + 1) * 27]
        expected = generator.sequence_log_prob(part).exp().double() * count
        codes = (rows[source :: len(SOURCES), GIVEN:] * places).sum(1)
        seen = torch.stack([(codes == code).sum() for code in (part[:, GIVEN:] * places).sum(1)])
        statistic = ((seen - expected).square() / expected.clamp(min=1e-9))[expected > 2].sum()
        assert statistic < 26 + 5 * 52**0.5


@every_kind
def test_steps_and_caches_read_the_condition_as_whole_rows_do(kind):
    generator = make(kind, vocabulary=5, **ENDING)
    rows = torch.randint(3, 5, (6, GIVEN + LENGTH), generator=seeded(3))
    whole = generator.prefix_states(rows)
    stepper = generator.stepper()
    states, state = stepper.rows(rows[:, :GIVEN]), generator.start(rows[:, :GIVEN])
    inputs = torch.full((6,), generator.bos)
    for time in range(LENGTH):
        hidden, state = generator.advance(inputs, state)
        for found in (hidden, states.read(inputs)):
            torch.testing.assert_close(found, whole[:, time], rtol=1e-4, atol=1e-5)
        inputs = rows[:, GIVEN + time]
    if stepper.beginnings is not None:
        torch.testing.assert_close(
            stepper.beginnings(rows[:, :-1]).hidden, whole, rtol=1e-4, atol=1e-5
        )


@every_kind
def test_neither_chunks_nor_company_change_a_row(kind):
    generator = make(kind, vocabulary=5, length=5, **ENDING)
    given = torch.randint(0, 5, (12, GIVEN), generator=seeded(3))
    rows = generator.sample(12, given=given, rng=seeded(4))
    assert torch.equal(rows, generator.sample(12, given=given, rng=seeded(4), chunk_rows=5))
    assert torch.equal(rows[:4], generator.sample(4, given=given[:4], rng=seeded(4)))
    with torch.no_grad():
        stepper = generator.stepper()
        completed = complete_prefixes(stepper, rows, 3, seeded(5), 512)
        assert completed.shape == (4, 12, 3, GIVEN + 5)
        assert torch.equal(completed[..., :GIVEN], given.expand(4, 3, 12, -1).transpose(1, 2))
        assert torch.equal(completed, complete_prefixes(stepper, rows, 3, seeded(5), 7))
        assert torch.equal(
            completed[:, :4], complete_prefixes(stepper, rows[:4], 3, seeded(5), 512)
        )
    continued = continue_prefixes(generator, rows[:, : GIVEN + 1], 2, rng=seeded(6))
    assert torch.equal(continued[:, :, : GIVEN + 1], rows[:, None, : GIVEN + 1].expand(-1, 2, -1))
    parts = continue_prefixes(generator, rows[:, : GIVEN + 1], 2, rng=seeded(6), chunk_rows=3)
    assert torch.equal(continued, parts)


@every_kind
def test_completions_are_drawn_after_their_own_source(kind):
    """The mean reward of many completions is the exact one, which differs from source to source."""
    generator, discriminator = make(kind), reader(GIVEN + LENGTH)
    rows = torch.cat([SOURCES, torch.tensor([1, 2, 0]).expand(len(SOURCES), -1)], 1)
    reward = lambda rows: discriminator(rows).score.detach()  # noqa: E731
    trials = try_actions(generator, rows, reward, 1500, rng=seeded(7), chunk_rows=4096)
    for kept in (1, 2):
        means, errors = trials.rewards[:, kept - 1].mean(1), trials.rewards[:, kept - 1].std(1)
        for source, row in enumerate(rows):
            every = every_row(generator, SOURCES[source : source + 1])
            every = every[(every[:, : GIVEN + kept] == row[: GIVEN + kept]).all(1)]
            chances = generator.log_probs(every)[:, kept:].sum(1).exp()
            exact = (chances * reward(every)).sum()
            assert abs(means[source] - exact) < 4.5 * errors[source] / 1500**0.5 + 1e-5
    assert trials.rewards[:, 0].mean(1).std() > 0.02, "the reward does not depend on the source"


def test_what_completions_share_scores_as_plainly(tiny_generator):
    generator, discriminator = make("lstm", 5, 5, **ENDING), reader(GIVEN + 5, 5, 0)
    given = torch.randint(3, 5, (10, GIVEN), generator=seeded(3))
    rows = generator.sample(10, given=given, rng=seeded(8))
    plainly = lambda rows: discriminator(rows).score.detach()  # noqa: E731
    shared = PrefixScorer(discriminator.trunk, lambda x: discriminator.verdict(x).detach())
    values = [rollout_rewards(generator, rows, r, 3, rng=seeded(9)) for r in (plainly, shared)]
    torch.testing.assert_close(*values, rtol=1e-4, atol=1e-5)


class ByPairs(RewardAverage):
    """Many runs on batches of two at once, each with an average of its own."""

    def use(self, values, mask):
        return in_groups(super().use, 2)(values, mask)


@pytest.fixture(scope="module")
def solved_world(tiny_generator, table_discriminator):
    return build_world(
        "every row full", tiny_generator, table_discriminator, [(0, 1), (2, 2), (1, 0)]
    )


@pytest.mark.parametrize("baseline", BASELINES)
def test_reinforce_is_unbiased_source_by_source(solved_world, baseline, monkeypatch):
    """Also where a batch holds several sources, whose rewards are compared with each other."""
    world = copy.deepcopy(solved_world)
    world.game.players.update(baseline_players(baseline, world.generator, ROWS))
    if baseline == "critic":
        torch.nn.init.normal_(world.game.players["critic"].value.weight, std=2.0)
    if baseline == "moving_average":
        world.game.players["reward_average"] = ByPairs(ROWS // 2 * LENGTH, 0.5)
        contributions(world, Reinforce(2, baseline), seed=3)
    monkeypatch.setattr(baselines, "mean_of_others", in_groups(mean_of_others, 2))
    monkeypatch.setattr(leave_one_out, "mean_of_others", in_groups(mean_of_others, 2))
    rows = contributions(world, Reinforce(2, baseline))
    for source in range(len(world.sources)):
        along, each = distance(world.of_source(source), rows[source :: len(world.sources)])
        assert along < 4.5
        assert each < 5


def test_rewards_of_another_source_are_found_out(solved_world, monkeypatch):
    world = copy.deepcopy(solved_world)
    right = estimators.rollout_rewards
    shifted = lambda *a, **k: right(*a, **k).roll(1, 0)  # noqa: E731
    monkeypatch.setattr(estimators, "rollout_rewards", shifted)
    rows = contributions(world, Reinforce(2))
    assert distance(world.of_source(0), rows[:: len(world.sources)])[0] > 8


class Best(torch.nn.Module):
    """A trunk that knows log data/g of every row."""

    def __init__(self, rows, scores):
        super().__init__()
        self.rows, self.scores = rows, scores

    def forward(self, tokens):
        which = (tokens.unsqueeze(1) == self.rows).all(2).long().argmax(1)
        return self.scores[which].unsqueeze(1)


def per_source_gradient(estimator, seed):
    """The mean gradient of an estimator on many copies of two sources, and the exact one of KL(data || g)."""
    generator, sources = make("lstm"), SOURCES[[1, 6]]
    rows = every_row(generator, sources)
    log_probs = generator.sequence_log_prob(rows).view(2, -1)
    # One source is far more in favour than the other: weights across sources would forget it.
    data = torch.randn(2, 27, generator=seeded(11)).softmax(1)
    favour = torch.tensor([[3.0], [-3.0]])
    scores = (data.log() - log_probs.detach() + favour).flatten()
    judge = Discriminator(Best(rows, scores), 1, score=torch.nn.Identity())
    game = SequenceGame(
        generator, judge, non_saturating(), estimator, FineTuning(negatives=0, score_l2=0.0)
    )
    real = torch.cat([sources.repeat(200, 1), torch.zeros(400, LENGTH, dtype=torch.int64)], 1)
    loss = game.generator_loss({"real": real}, Move("adversarial", 0, 2, seeded(seed))).total
    truth = (data * (data.log() - log_probs)).sum(1).mean()
    flat = lambda x: torch.cat(  # noqa: E731
        [g.flatten() for g in torch.autograd.grad(x, list(generator.parameters()))]
    )
    return flat(loss), flat(truth)


@pytest.mark.parametrize(
    "estimator",
    [
        BoundarySeeking(60),
        ImportanceWeighted(continuations=60),
        ImportanceWeighted(2, continuations=60),
    ],
    ids=["boundary seeking", "importance", "importance with rollouts"],
)
def test_importance_weights_are_made_within_each_source(estimator):
    found, truth = per_source_gradient(estimator, 12)
    assert torch.cosine_similarity(found, truth, dim=0) > 0.97
    assert found.norm() / truth.norm() == pytest.approx(1, abs=0.15)


def test_relaxed_rows_begin_with_their_source():
    generator = make("transformer", 5, 4, **ENDING)
    given = torch.randint(0, 5, (7, GIVEN), generator=seeded(3))
    soft = sample_relaxed(generator, 7, 0.5, rng=seeded(4), given=given, hard=True)
    rows = soft.argmax(2)
    assert soft.shape == (7, GIVEN + 4, 5)
    assert torch.equal(rows[:, :GIVEN], given)
    assert torch.equal(soft, torch.nn.functional.one_hot(rows, 5).float())
    log_probs = generator.log_probs(rows)
    assert (log_probs > -100).all()


def game_of(estimator, kind="lstm", negatives=0):
    generator = make(kind, 5, 4, **ENDING)
    players = baseline_players(getattr(estimator, "baseline", "none"), generator, 6)
    training = FineTuning(batch_size=6, negatives=negatives)
    judge = reader(GIVEN + 4, 5, 0)
    return SequenceGame(generator, judge, non_saturating(), estimator, training, (), players)


def real_rows():
    return torch.randint(3, 5, (6, GIVEN + 4), generator=seeded(5))


@every_kind
@pytest.mark.parametrize(
    "estimator",
    [Reinforce(2, "critic"), ImportanceWeighted(2, kept=2), BoundarySeeking(3), GumbelSoftmax()],
    ids=["reinforce", "importance", "boundary seeking", "gumbel"],
)
def test_every_generator_learns_by_every_estimator(kind, estimator):
    game, batch, move = (
        game_of(estimator, kind),
        {"real": real_rows()},
        Move("adversarial", 0, 2, seeded()),
    )
    loss = game.generator_loss(batch, move).total
    gradients = torch.autograd.grad(loss, list(game.players["generator"].parameters()))
    assert all(g.isfinite().all() for g in gradients)
    assert max(g.abs().max() for g in gradients) > 1e-4
    judged = game.discriminator_loss(batch, move).total
    assert judged.isfinite()
    fakes = estimator.fakes(game, batch, 6, move)
    fakes = fakes.argmax(2) if fakes.dim() == 3 else fakes
    assert torch.equal(fakes[:6, :GIVEN], batch["real"][:, :GIVEN])


def test_a_pool_is_filled_batch_by_batch_from_the_sources():
    game = game_of(Reinforce(0), negatives=14)
    fill, _ = fine_tuning_phases(FineTuning(batch_size=6, negatives=14), given=GIVEN)[1].turns
    assert (fill.feed, fill.moves) == ("train", 3)
    batches = [{"real": real_rows() - i} for i in range(3)]
    for batch in batches:
        game.rule("draw_negatives", batch, Move("adversarial", 0, 1, seeded()))
    pool = game.players["negatives"].samples
    asked = torch.cat([batch["real"][:, :GIVEN] for batch in batches])
    assert torch.equal(pool[:, :GIVEN], asked[-14:])
    assert (pool[:, GIVEN:] != 0).any(1).all()


def test_likelihood_games_draw_after_the_conditions_of_the_batch():
    game = LikelihoodGame(make("lstm"))
    batch = {"real": torch.tensor([[0, 1, 0, 0, 0], [2, 0, 1, 1, 1]])}
    rows = game.draw(5, batch, seeded())
    assert rows[:, :GIVEN].tolist() == [[0, 1], [2, 0], [0, 1], [2, 0], [0, 1]]


def test_what_does_not_fit_is_said():
    generator = make("lstm")
    with pytest.raises(UsageError, match=r"writes after 2 given tokens: pass given=\[4,2\]"):
        generator.sample(4, rng=seeded())
    with pytest.raises(UsageError, match=r"conditions of shape \[4,2\], not \[4, 3\]"):
        generator.sample(4, given=torch.zeros(4, 3, dtype=torch.int64), rng=seeded())
    with pytest.raises(UsageError, match="takes no condition"):
        make("lstm", given=0).sample(4, given=torch.zeros(4, 3, dtype=torch.int64), rng=seeded())
    with pytest.raises(UsageError, match="given is -1; it must be 0"):
        make("lstm", given=-1)
    training, judge = FineTuning(negatives=0), reader(GIVEN + LENGTH)
    with pytest.raises(UsageError, match="Pathwise takes no conditions"):
        SequenceGame(generator, judge, non_saturating(), Pathwise(), training)
    with pytest.raises(
        UsageError, match="reads rows of 3 tokens, but rows with given tokens have 5"
    ):
        SequenceGame(generator, reader(LENGTH), non_saturating(), Reinforce(), training)


def with_own_sources(kind, **tokens):
    """A generator whose sources have ids of their own, 5 to 8, and rows for it."""
    generator = make(kind, 5, 4, source_vocabulary=4, **(tokens or ENDING))
    given = torch.randint(5, 9, (6, GIVEN), generator=seeded(3))
    return generator, given


@every_kind
def test_ids_of_sources_are_read_and_never_written(kind):
    generator, given = with_own_sources(kind)
    assert (generator.vocabulary, generator.readable) == (5, 9)
    assert generator.output.out_features == 5
    rows = generator.sample(6, given=given, rng=seeded(4))
    assert torch.equal(rows[:, :GIVEN], given)
    assert rows[:, GIVEN:].max() < 5
    assert beam_search(generator, given, 5, n_best=5).rows[:, :, GIVEN:].max() < 5
    other = torch.cat([given.flip(0), rows[:, GIVEN:]], 1)
    assert (
        generator.sequence_log_prob(rows) - generator.sequence_log_prob(other)
    ).abs().max() > 1e-3
    generator.sequence_log_prob(rows).sum().backward()
    moved = generator.embedding.weight.grad.abs().sum(1) > 0
    assert torch.equal(moved[5:].nonzero().squeeze(1) + 5, given.unique())
    soft = sample_relaxed(generator, 6, 0.5, rng=seeded(4), given=given, hard=True)
    assert soft.shape == (6, GIVEN + 4, 9)
    assert torch.equal(soft.argmax(2)[:, :GIVEN], given)
    assert soft[:, GIVEN:, 5:].abs().max() == 0


@pytest.mark.parametrize(
    "estimator",
    [Reinforce(2, "critic"), ImportanceWeighted(2, kept=2), BoundarySeeking(3), GumbelSoftmax()],
    ids=["reinforce", "importance", "boundary seeking", "gumbel"],
)
def test_a_discriminator_reads_the_ids_of_sources_or_is_refused(estimator):
    generator, given = with_own_sources("lstm")
    players = baseline_players(getattr(estimator, "baseline", "none"), generator, 6)
    training = FineTuning(batch_size=6, negatives=0)
    rows = torch.cat([given, real_rows()[:, GIVEN:]], 1)
    game = SequenceGame(
        generator, reader(GIVEN + 4, 9, 0), non_saturating(), estimator, training, (), players
    )
    game.generator_loss({"real": rows}, Move("adversarial", 0, 2, seeded())).total.backward()
    assert generator.embedding.weight.grad[5:].abs().max() > 0
    with pytest.raises(UsageError, match=r"reads 5 tokens, but rows with their sources have 9"):
        SequenceGame(generator, reader(GIVEN + 4, 5, 0), non_saturating(), estimator, training)


def test_a_source_vocabulary_without_sources_is_refused():
    with pytest.raises(UsageError, match="source_vocabulary is 4 with 0 given tokens"):
        make("lstm", given=0, source_vocabulary=4, **ENDING)
