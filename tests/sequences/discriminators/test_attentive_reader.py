"""The reader of two texts, against a plain reading of the paper's equations."""

import pytest
import torch
import torch.nn.functional as F

from seqgan_kit.sequences.discriminators.attentive_reader import (
    AttentiveReader,
    AttentiveReaderConfig,
)

VOCABULARY, GIVEN, LENGTH = 9, 4, 9


def reader(attention: bool = True) -> AttentiveReader:
    torch.manual_seed(0)
    config = AttentiveReaderConfig(5, 6, attention, 0.0)
    return AttentiveReader(config, VOCABULARY, LENGTH, pad=0, given=GIVEN).eval()


def plainly(trunk: AttentiveReader, first: list[int], second: list[int]) -> torch.Tensor:
    """The equations for one pair without padding, a word at a time."""

    def read(lstm: torch.nn.LSTM, words: list[int], cell: torch.Tensor):
        states, hidden = [], torch.zeros(6)
        w_in, w_state, b_in, b_state = lstm.all_weights[0]
        for word in words:
            i, f, g, o = (
                w_in @ trunk.embedding.weight[word] + b_in + w_state @ hidden + b_state
            ).chunk(4)
            cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
            hidden = o.sigmoid() * cell.tanh()
            states.append(hidden)
        return torch.stack(states), cell

    y, cell = read(trunk.first, first, torch.zeros(6))
    h, _ = read(trunk.second, second, cell)
    star = trunk.from_second.weight @ h[-1] + trunk.from_second.bias
    if trunk.config.attention:
        r = torch.zeros(6)
        for state in h:
            asked = trunk.query.weight @ state + trunk.query.bias + trunk.before.weight @ r
            m = torch.tanh(y @ trunk.key.weight.t() + asked)
            a = (m @ trunk.energy.weight[0]).softmax(0)
            r = a @ y + torch.tanh(trunk.carry.weight @ r)
        star = star + trunk.from_first.weight @ r
    return star.tanh()


@pytest.mark.parametrize("attention", [True, False])
def test_features_are_those_of_the_equations(attention: bool) -> None:
    trunk = reader(attention)
    rows = torch.tensor([[3, 4, 0, 0, 5, 6, 7, 2, 0], [8, 7, 6, 5, 4, 2, 0, 0, 0]])
    wanted = [plainly(trunk, [3, 4], [5, 6, 7, 2]), plainly(trunk, [8, 7, 6, 5], [4, 2])]
    torch.testing.assert_close(trunk(rows), torch.stack(wanted))
    torch.testing.assert_close(trunk(F.one_hot(rows, VOCABULARY).float()), torch.stack(wanted))


def test_the_second_text_is_read_in_the_light_of_the_first() -> None:
    trunk = reader()
    rows = torch.tensor([[3, 4, 5, 6, 5, 6, 7, 2, 0], [3, 4, 5, 7, 5, 6, 7, 2, 0]])
    assert not torch.allclose(*trunk(rows))
    empty = torch.tensor([[0, 0, 0, 0, 5, 6, 7, 2, 0], [3, 4, 0, 0, 0, 0, 0, 0, 0]])
    assert trunk(empty).isfinite().all()
    torch.testing.assert_close(trunk(empty), trunk(F.one_hot(empty, VOCABULARY).float()))


def test_attention_picks_the_word_that_is_asked_for() -> None:
    """Whether the second text names a word of the first; without attention 5 states must hold it all."""
    draw = torch.Generator().manual_seed(0)
    first = torch.randint(3, VOCABULARY, (512, GIVEN), generator=draw)
    asked = torch.randint(3, VOCABULARY, (512, 1), generator=draw)
    rows = torch.cat([first, asked, torch.zeros(512, 4, dtype=torch.int64)], 1)
    labels = (first == asked).any(1).float()
    trunk = reader().train()
    score = torch.nn.Linear(6, 1)
    learn = torch.optim.Adam([*trunk.parameters(), *score.parameters()], 2e-2)
    for _ in range(80):
        loss = F.binary_cross_entropy_with_logits(score(trunk(rows)).squeeze(1), labels)
        learn.zero_grad()
        loss.backward()
        learn.step()
    assert loss < 0.25


def test_what_was_read_of_the_source_serves_every_completion() -> None:
    trunk = reader()
    rows = torch.tensor([[3, 4, 0, 0, 5, 6, 7, 2, 0], [8, 7, 6, 5, 4, 2, 0, 0, 0]])
    source = trunk.read_source(rows[:, :GIVEN]).repeat_interleave(2, 0)
    many = torch.stack([rows[0], rows[0].roll(0), rows[1], rows[1]])
    torch.testing.assert_close(trunk.compare(source, many[:, GIVEN:]), trunk(many))
