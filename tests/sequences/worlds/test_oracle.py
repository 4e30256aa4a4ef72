"""The oracle world: figures measured independently on the original file, and worlds that can be summed."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from seqgan_kit.core.runs.machine import memory
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.sequences.generators.generator_choice import (
    CLASSIFIERS,
    ENCODER_DECODERS,
    GENERATORS,
    GeneratorChoice,
    build_generator,
)
from seqgan_kit.sequences.generators.lstm import LSTMConfig
from seqgan_kit.sequences.worlds.oracle import GATES, open_oracle, oracle_entropy, oracle_nll

CORPORA = Path(os.environ.get("SEQGAN_KIT_CORPORA", Path(__file__).parents[4] / "shared/corpora"))
ORIGINAL = CORPORA / "oracle" / "target_params.npz"
needs_original = pytest.mark.skipif(not ORIGINAL.is_file(), reason="needs the original oracle")


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def small_arrays(vocabulary: int = 3, embedding: int = 4, hidden: int = 2) -> dict:
    draw = np.random.default_rng(0).standard_normal
    arrays = {"embedding": draw((vocabulary, embedding))}
    for gate in GATES:
        arrays |= {f"W{gate}": draw((embedding, hidden)), f"U{gate}": draw((hidden, hidden))}
        arrays[f"b{gate}"] = draw(hidden)
    return arrays | {"Wo": draw((hidden, vocabulary)), "bo": draw(vocabulary)}


def saved(path: Path, arrays: dict) -> str:
    np.savez(path, **arrays)
    return str(path)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def log_prob_by_hand(a: dict, row: list[int]) -> float:
    """The cell written out gate by gate, as the file's parameters are named."""
    h = c = np.zeros(len(a["bi"]))
    total, token = 0.0, 0
    for following in row:
        x = a["embedding"][token]
        into, forget, out = (
            sigmoid(x @ a[f"W{g}"] + h @ a[f"U{g}"] + a[f"b{g}"]) for g in ("i", "f", "og")
        )
        c = forget * c + into * np.tanh(x @ a["Wc"] + h @ a["Uc"] + a["bc"])
        h = out * np.tanh(c)
        logits = h @ a["Wo"] + a["bo"]
        total += logits[following] - np.log(np.exp(logits).sum())
        token = following
    return total


def every_row(vocabulary: int, length: int) -> torch.Tensor:
    return torch.tensor(list(itertools.product(range(vocabulary), repeat=length)))


def test_a_file_is_the_cell_written_out_by_hand(tmp_path):
    arrays = small_arrays()
    oracle = open_oracle(saved(tmp_path / "o.npz", arrays), length=4)
    assert (oracle.vocabulary, oracle.length, oracle.bos, oracle.eos) == (3, 4, 0, None)
    rows = every_row(3, 4)
    expected = [log_prob_by_hand(arrays, row) for row in rows.tolist()]
    np.testing.assert_allclose(oracle.sequence_log_prob(rows), expected, rtol=1e-5)


def test_entropy_and_likelihood_are_those_of_the_enumerated_world(tmp_path):
    """H = - sum_y P(y) log P(y) over all 81 rows; both estimates must meet it, per token and per sequence."""
    oracle = open_oracle(saved(tmp_path / "o.npz", small_arrays()), length=4)
    log_p = oracle.sequence_log_prob(every_row(3, 4)).double()
    exact = -(log_p.exp() * log_p).sum().item() / 4
    value, error = oracle_entropy(oracle, 4000, rng())
    assert abs(value - exact) < 4 * error
    (token, token_error), (row, row_error) = oracle_nll(oracle, oracle.sample(4000, rng=rng(1)))
    assert abs(token - exact) < 4 * token_error
    assert (row, row_error) == (pytest.approx(4 * token), pytest.approx(4 * token_error))
    # Knowing every step's entropy must pay: otherwise it would not be worth its softmax.
    assert error < 0.6 * token_error


@needs_original
def test_the_original_oracle_has_its_published_entropy():
    """5.746 per token for its own samples (the paper's code prints 5.750), 11.45 for uniform tokens."""
    oracle = open_oracle(str(ORIGINAL))
    entropy, error = oracle_entropy(oracle, 500, rng())
    assert error < 0.012
    assert entropy == pytest.approx(5.746, abs=0.02)
    (own, own_error), (row, _) = oracle_nll(oracle, oracle.sample(4000, rng=rng(1)))
    assert own == pytest.approx(5.746, abs=0.02)
    assert own_error < 0.01
    assert row == pytest.approx(20 * own)
    uniform = torch.randint(5000, (500, 20), generator=rng())
    assert oracle_nll(oracle, uniform)[0][0] == pytest.approx(11.45, abs=0.05)


@needs_original
def test_gates_in_another_order_are_seen_on_true_rows(tmp_path):
    with np.load(ORIGINAL) as file:
        arrays = dict(file)
    for letter in "WUb":
        out, candidate = arrays[f"{letter}og"], arrays[f"{letter}c"]
        arrays |= {f"{letter}c": out, f"{letter}og": candidate}
    right, wrong = open_oracle(str(ORIGINAL)), open_oracle(saved(tmp_path / "o.npz", arrays))
    tokens = right.sample(300, rng=rng())
    assert oracle_nll(wrong, tokens)[0][0] > oracle_nll(right, tokens)[0][0] + 2


def test_a_seed_is_a_world():
    """The same seed the same weights, N(0, 1), whatever the global random state."""
    torch.manual_seed(1)
    first, again, other = open_oracle("seed:88"), open_oracle("seed:88"), open_oracle("seed:89")
    for name, weights in first.state_dict().items():
        assert torch.equal(weights, again.state_dict()[name])
        if name != "lstm.bias_hh_l0":
            assert not torch.equal(weights, other.state_dict()[name])
    assert (first.vocabulary, first.length, first.config.hidden) == (5000, 20, 32)
    everything = torch.cat([p.flatten() for n, p in first.named_parameters() if "bias_hh" not in n])
    assert everything.std().item() == pytest.approx(1, abs=0.01)
    assert everything.mean().item() == pytest.approx(0, abs=0.01)
    assert not first.lstm.bias_hh_l0.any()  # one bias a gate, as in the paper's cell


def test_the_oracle_cannot_learn():
    oracle = open_oracle("seed:1", vocabulary=7, length=3, embedding=2, hidden=2)
    assert not oracle.training
    assert not any(parameter.requires_grad for parameter in oracle.parameters())


def test_token_0_is_an_ordinary_token():
    oracle = open_oracle("seed:1", vocabulary=3, length=4, embedding=2, hidden=2)
    assert (oracle.sample(500, rng=rng()) == 0).any()
    assert oracle.sequence_log_prob(every_row(3, 4)).exp().sum().item() == pytest.approx(
        1, abs=1e-5
    )


@pytest.mark.parametrize("spec", ["seed:abc", "seed:", "seed:-1", "seed:1.5", f"seed:{10**20}"])
def test_a_seed_is_a_whole_number(spec):
    with pytest.raises(UsageError, match=r"give a whole number, such as seed:88"):
        open_oracle(spec)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Uog": None, "bo": None}, "lacks Uog, bo; an oracle needs embedding, Wi, Wf"),
        ({"Wc": np.zeros((2, 4))}, r"Wc in .* has shape \(2, 4\), not \[E,H\] = \(4, 2\)"),
        ({"bo": np.zeros(4)}, r"bo in .* has shape \(4,\), not \[V\] = \(3,\)"),
        ({"embedding": np.zeros(3)}, r"embedding in .* has shape \(3,\), not \[V,E\]"),
        ({"embedding": np.zeros((0, 4))}, r"embedding in .* has shape \(0, 4\)"),
        ({"bi": np.zeros(())}, r"bi in .* has shape \(\)|Wi in"),
        ({"bf": np.array([1.0, np.nan])}, "bf in .* must contain finite"),
        ({"bf": np.array(["a", "b"])}, "bf in .* must contain finite floating-point"),
        ({"bf": np.array([None, 1])}, "not an .npz archive of plain numeric arrays"),
    ],
)
def test_a_file_that_is_no_oracle(change, message, tmp_path):
    arrays = small_arrays() | change
    path = saved(tmp_path / "o.npz", {k: v for k, v in arrays.items() if v is not None})
    with pytest.raises(DataError, match=message):
        open_oracle(path)


def test_files_that_are_no_archives(tmp_path):
    with pytest.raises(
        UsageError, match=r"the oracle file .*nowhere\.npz does not exist; give an \.npz file or"
    ):
        open_oracle(str(tmp_path / "nowhere.npz"))
    np.save(tmp_path / "alone.npy", np.zeros(3))
    np.save(tmp_path / "pickled.npy", np.array([{"a": 1}], dtype=object))
    (tmp_path / "text.npz").write_text("not numbers")
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04cut off")
    for name in ("alone.npy", "pickled.npy", "text.npz", "empty.npz", "cut.npz"):
        with pytest.raises(DataError, match=r"not an \.npz archive of plain numeric arrays"):
            open_oracle(str(tmp_path / name))


def test_length_and_sizes_must_be_possible(tmp_path):
    with pytest.raises(UsageError, match="vocabulary is 3 and the length 0; use at least 2 and 1"):
        open_oracle(saved(tmp_path / "o.npz", small_arrays()), length=0)
    with pytest.raises(UsageError, match="vocabulary is 1 and the length 20; use at least 2 and 1"):
        open_oracle("seed:1", vocabulary=1)
    with pytest.raises(UsageError, match="hidden is 0; it must be at least 1"):
        open_oracle("seed:1", hidden=0)


def test_a_vocabulary_beyond_the_machine_is_refused_with_its_price(monkeypatch):
    """10^12 tokens of 32 + 32 + 1 numbers of 4 bytes: 242,143.9 GiB."""
    with pytest.raises(UsageError, match=r"takes 242,143\.9 GiB .* this machine has"):
        open_oracle("seed:1", vocabulary=10**12)
    monkeypatch.setattr(memory, "machine_bytes", lambda: 999)
    memory.check_memory("this", 62, 16)
    with pytest.raises(UsageError, match=r"63 parameters of 16 bytes\) and this machine has 0.0"):
        memory.check_memory("this", 63, 16)
    monkeypatch.setattr(memory, "machine_bytes", lambda: None)  # nobody knows: nothing is refused
    memory.check_memory("this", 10**12, 16)


@pytest.mark.parametrize("kind", sorted(set(GENERATORS) - {*ENCODER_DECODERS, *CLASSIFIERS, "hf"}))
def test_a_generator_too_large_to_train_is_refused_before_it_is_made(kind, monkeypatch):
    """Weights, gradients and Adam's two means: 16 bytes a parameter, however many the network has."""
    monkeypatch.setattr(memory, "LARGE_VOCABULARY", 50)
    choice, rows = GeneratorChoice(kind), {"bos": 0, "eos": None, "pad": None}
    with pytest.raises(UsageError, match=rf"training a {kind} on 1,000,000,000,000 tokens takes"):
        build_generator(choice, 10**12, 20, **rows)
    torch.manual_seed(0)
    generator = build_generator(choice, 50, 6, **rows)
    after = torch.rand(1)
    size = 16 * sum(parameter.numel() for parameter in generator.parameters())
    monkeypatch.setattr(memory, "machine_bytes", lambda: size - 1)
    with pytest.raises(UsageError, match=f"{size // 16:,} parameters of 16 bytes"):
        build_generator(choice, 50, 6, **rows)
    monkeypatch.setattr(memory, "machine_bytes", lambda: size)
    torch.manual_seed(0)
    again = build_generator(choice, 50, 6, **rows)
    assert torch.equal(torch.rand(1), after)  # looking costs no random numbers
    for name, weights in generator.state_dict().items():
        assert torch.equal(weights, again.state_dict()[name])
        assert weights.device.type == "cpu"


def test_an_archive_that_says_it_is_encrypted_is_refused(tmp_path):
    content = bytearray(Path(saved(tmp_path / "o.npz", small_arrays())).read_bytes())
    content[6] |= 1
    at = content.find(b"PK\x01\x02")
    while at >= 0:
        content[at + 8] |= 1
        at = content.find(b"PK\x01\x02", at + 4)
    (tmp_path / "o.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"not an \.npz archive .*encrypted"):
        open_oracle(str(tmp_path / "o.npz"), length=4)


def test_a_network_of_few_tokens_may_be_too_large_as_well():
    """4 (2 hidden^2 + ...) weights: 10^12 of hidden units alone."""
    choice = GeneratorChoice("lstm", lstm=LSTMConfig(hidden=500_000))
    with pytest.raises(UsageError, match=r"training a lstm on 50 tokens takes .* narrower layers"):
        build_generator(choice, 50, 6, bos=0, eos=None, pad=None)
