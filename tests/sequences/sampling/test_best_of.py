"""The best of several samples by a discriminator: its law, its conditions, and what is refused."""

import pytest
import torch
from small_worlds import build_world, enumerate_sequences
from summing_trunk import SummingTrunk
from torch import nn

from seqgan_kit.core.discriminator import Discriminator, mean_scores
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.evaluation_settings import TextScoreSettings
from seqgan_kit.sequences.discriminators.step_reader import StepReader, StepReaderConfig
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig
from seqgan_kit.sequences.infilling.filled_reader import blank_scores, build_filled_reader
from seqgan_kit.sequences.infilling.infilling_generator import InfillingConfig
from seqgan_kit.sequences.sampling.best_of import BestOf


@pytest.fixture
def world(tiny_generator, table_discriminator):
    torch.manual_seed(3)
    return build_world("every row full", tiny_generator, table_discriminator)


@pytest.mark.parametrize("tries", [2, 5])
def test_the_best_sample_has_the_law_of_the_largest_score(world, tries):
    n = 20_000
    rows = BestOf(world.generator, world.discriminator, tries).sample(
        n, rng=torch.Generator().manual_seed(0)
    )
    probabilities, logits = world.probabilities, world.logits
    assert logits.unique().numel() == len(logits)
    up_to = torch.stack([probabilities[logits <= logit].sum() for logit in logits])
    below = torch.stack([probabilities[logits < logit].sum() for logit in logits])
    exact = up_to**tries - below**tries
    assert exact.sum() == pytest.approx(1.0, abs=1e-6)
    found = torch.bincount(world.index(rows), minlength=len(exact)).double() / n
    error = (exact * (1 - exact) / n).sqrt()
    assert ((found - exact).abs() < 4.5 * error + 1e-4).all()
    assert (found - probabilities).abs().sum() > 0.1  # It is not the generator's own law.


class StubGenerator(nn.Module):
    """A generator whose samples are given rows."""

    given = 0

    def __init__(self, rows):
        super().__init__()
        self.rows = rows

    def sample(self, n, **options):
        return self.rows[:n]


def summing(factor: float) -> Discriminator:
    trunk = SummingTrunk()
    trunk.weight.data.fill_(factor)
    return Discriminator(trunk, 1, score=nn.Identity())


def test_each_row_is_the_best_of_samples_after_its_own_condition(tiny_generator):
    generator = tiny_generator(7, 4, given=2)
    given = torch.tensor([[3, 4], [6, 6], [5, 0]])
    rng = torch.Generator()
    rows = BestOf(generator, summing(1.0), 6).sample(3, rng=rng.manual_seed(1), given=given)
    drawn = generator.sample(18, rng=rng.manual_seed(1), given=given.repeat_interleave(6, 0)).view(
        3, 6, -1
    )
    assert rows[:, :2].tolist() == given.tolist()
    assert rows.tolist() == [group[group.sum(1).argmax()].tolist() for group in drawn]
    worst = BestOf(generator, summing(-1.0), 6).sample(3, rng=rng.manual_seed(1), given=given)
    assert worst.sum() < rows.sum()


def test_many_rows_are_drawn_in_parts(tiny_generator, monkeypatch):
    monkeypatch.setattr("seqgan_kit.sequences.sampling.best_of._MOST_ROWS", 8)
    generator, sizes = tiny_generator(7, 4), []
    sample = generator.sample

    def counted(n, **options):
        sizes.append(n)
        return sample(n, **options)

    monkeypatch.setattr(generator, "sample", counted)
    rows = BestOf(generator, summing(1.0), 3).sample(5, rng=torch.Generator().manual_seed(0))
    assert rows.shape == (5, 4)
    assert sizes == [6, 6, 3]
    known = {tuple(row) for row in enumerate_sequences(generator).tolist()}
    assert all(tuple(row) in known for row in rows.tolist())


def test_one_sample_is_no_choice(tiny_generator):
    with pytest.raises(UsageError, match="the best of 1 samples is no choice"):
        BestOf(tiny_generator(), summing(1.0), 1)
    with pytest.raises(UsageError, match="give 2 or more"):
        TextScoreSettings(best_of=(8, 0))


def test_scores_of_padding_do_not_count():
    """A discriminator of steps is trained on tokens alone, so what it says of PAD is chance."""
    torch.manual_seed(0)
    trunk = StepReader(StepReaderConfig(3, 4, 2, dropout=0.0), 6, 4, pad=0)
    judge = Discriminator(trunk, trunk.features)
    rows = torch.tensor([[3, 4, 2, 0], [5, 2, 0, 0], [4, 4, 4, 2]])
    scores = judge(rows).score.view(3, 4)
    wanted = [scores[0, :3].mean(), scores[1, :2].mean(), scores[2].mean()]
    torch.testing.assert_close(mean_scores(judge, rows), torch.stack(wanted))
    found = BestOf(StubGenerator(rows), judge, 3).sample(1, rng=torch.Generator())  # type: ignore[arg-type]
    assert found.tolist() == [rows[int(torch.stack(wanted).argmax())].tolist()]


def test_a_discriminator_of_fills_is_asked_about_the_blanks():
    torch.manual_seed(0)
    config = InfillingConfig(rnn_search=RNNSearchConfig(4, 4, dropout=0.0))
    judge = build_filled_reader(config, 8, 4, bos=1, pad=0)
    rows = torch.tensor([[1, 5, 1, 1, 4, 5, 2, 0], [6, 1, 2, 0, 6, 7, 2, 0]])
    scores = blank_scores(judge, rows)
    wanted = torch.stack([(scores[0, 0] + scores[0, 2]) / 2, scores[1, 1]])
    torch.testing.assert_close(mean_scores(judge, rows), wanted)
