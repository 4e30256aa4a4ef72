"""The relational memory against its equations, written out row by row and head by head."""

import math

import pytest
import torch

from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.generators.relational_memory import (
    RelationalConfig,
    RelationalGenerator,
    RelationalMemory,
)

pytestmark = pytest.mark.numerics


def make(vocabulary=7, length=5, **config):
    config = {"embedding": 4, "slots": 2, "heads": 2, "head_size": 3} | config
    rng = torch.Generator().manual_seed(0)
    return RelationalGenerator(
        RelationalConfig(**config), vocabulary, length, bos=1, eos=2, pad=0, rng=rng
    ).eval()


def norm(row, layer):
    """Layer normalisation of one row (Ba et al. 2016)."""
    centred = row - row.mean()
    return centred / (centred.square().mean() + 1e-5).sqrt() * layer.weight + layer.bias


def naive_step(cell, embedded, memory, head_size):
    """The next memory [N,W] of one memory [N,W] and one input [E]: attention among all N+1 rows."""
    row = cell.input.weight @ embedded + cell.input.bias
    rows = torch.cat([memory, row[None]])
    joined = torch.stack([norm(cell.query_key_value.weight @ r, cell.attention_norm) for r in rows])
    queries, keys, values = joined.chunk(3, dim=1)
    following = []
    for n, past in enumerate(memory):
        attended = []
        for head in range(cell.heads):
            part = slice(head * head_size, (head + 1) * head_size)
            scores = torch.stack([queries[n, part] @ key for key in keys[:, part]])
            weights = (scores / math.sqrt(head_size)).exp()
            attended.append((weights[:, None] * values[:, part]).sum(0) / weights.sum())
        middle = norm(past + torch.cat(attended), cell.memory_norm)
        first, _, second = cell.mlp
        change = second.weight @ (first.weight @ middle + first.bias).clamp(min=0) + second.bias
        candidate = norm(middle + change, cell.mlp_norm)
        gates = cell.input_gates.weight @ row + cell.memory_gates.weight @ past.tanh()
        keep_in, forget = gates.chunk(2)
        following.append(
            torch.sigmoid(forget + 1) * past + torch.sigmoid(keep_in) * candidate.tanh()
        )
    return torch.stack(following)


@pytest.mark.parametrize("slots", [1, 3])
def test_a_step_follows_its_equations(slots):
    cell = RelationalMemory(4, heads=2, head_size=3).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter)
    inputs = torch.randn(5, 4, dtype=torch.float64)
    memory = torch.randn(5, slots, 6, dtype=torch.float64)
    ours = cell(cell.read(inputs), memory)
    expected = torch.stack([naive_step(cell, x, m, 3) for x, m in zip(inputs, memory, strict=True)])
    torch.testing.assert_close(ours, expected)


def test_memory_starts_as_unit_vectors():
    """Slot n is 1 at place n; slots beyond the width have nothing left."""
    (memory,) = make().start(torch.empty(3, 0, dtype=torch.int64))
    assert memory.shape == (3, 2, 6)
    for row in memory:
        assert row.tolist() == [[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]]
    (narrow,) = make(slots=3, heads=1, head_size=2).start(torch.empty(1, 0, dtype=torch.int64))
    assert narrow[0].tolist() == [[1, 0], [0, 1], [0, 0]]


def test_all_slots_are_the_output():
    generator = make()
    (memory,) = generator.start(torch.empty(2, 0, dtype=torch.int64))
    hidden, (after,) = generator.advance(torch.tensor([3, 4]), (memory,))
    assert torch.equal(hidden, after.flatten(1))
    assert generator.output.in_features == 12


def test_a_new_memory_remembers():
    """With gates that read nothing it keeps sigma(1) of itself, and takes in half of what is new."""
    cell = RelationalMemory(4, heads=1, head_size=3)
    for gates in (cell.input_gates, cell.memory_gates):
        torch.nn.init.zeros_(gates.weight)
    torch.nn.init.zeros_(cell.mlp_norm.weight)
    kept = cell(cell.read(torch.randn(2, 4)), torch.ones(2, 1, 3))
    torch.testing.assert_close(kept, torch.full((2, 1, 3), 1 / (1 + math.exp(-1))))


def test_the_stepper_looks_up_once_that_pays_and_says_the_same():
    """Before V tokens have been read it computes, afterwards it looks up."""
    generator = make(40)
    reads = []
    generator.memory.read = lambda embedded, read=generator.memory.read: (
        reads.append(len(embedded)) or read(embedded)
    )
    advance = generator.stepper().advance
    tokens, memory = torch.arange(3, 33), torch.randn(30, 2, 6)
    hidden = [advance(tokens, (memory,))[0] for _ in range(4)]
    assert reads == [30, 40]
    for later in hidden[1:]:
        torch.testing.assert_close(later, hidden[0])


def test_settings_are_the_papers():
    """Nie et al. 2019: one slot, two heads of 256, embeddings of 32."""
    generator = RelationalGenerator(RelationalConfig(), 50, 5, bos=0, eos=None, pad=None)
    assert generator.output.in_features == 512
    assert generator.embedding.weight.shape == (50, 32)
    std = generator.memory.input_gates.weight.std().item()
    # A normal distribution cut at 2 sigma has 0.88 of its deviation.
    assert std == pytest.approx(0.88 / math.sqrt(512), rel=0.01)
    assert (generator.memory.input.bias == 0).all()


@pytest.mark.parametrize("field", ["embedding", "slots", "heads", "head_size"])
def test_config_is_checked(field):
    with pytest.raises(UsageError, match=f"{field} is 0; it must be at least 1"):
        make(**{field: 0})
