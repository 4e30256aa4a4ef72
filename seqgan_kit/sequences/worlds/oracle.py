"""The world of the SeqGAN paper (Yu et al. 2017, section 4): an LSTM with fixed random weights is the truth.

Its rows have T tokens and no end; token 0 is the first input and may be written too. What it says is known
exactly, so a generator is judged by

    NLL_oracle = - E_G sum_t log P(y_t | y_1 .. y_t-1) / T        (eq. 9, per token as published)

NLL_oracle alone rewards collapse: one likely row repeated scores below the oracle's own entropy

    H(P) = E_P sum_t H(P(. | y_1 .. y_t-1)) / T

so read it beside H(P) and beside the likelihood of held-out rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqgan_kit.core.runs.memory import FIXED_BYTES, check_memory
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.maximum_likelihood import sequence_log_probs

GATES = ("i", "f", "c", "og")
"""The file's gates in torch's order: in, forget, candidate, out."""

AXES = {
    "embedding": "VE",
    **{f"W{gate}": "EH" for gate in GATES},
    **{f"U{gate}": "HH" for gate in GATES},
    **{f"b{gate}": "H" for gate in GATES},
    "Wo": "HV",
    "bo": "V",
}
"""The file's arrays: V tokens, E the width of their embeddings, H of the LSTM."""

MeanAndError = tuple[float, float]
Arrays = Mapping[str, NDArray[np.float32]]


def open_oracle(
    spec: str, *, vocabulary: int = 5000, length: int = 20, embedding: int = 32, hidden: int = 32
) -> LSTMGenerator:
    """Return the frozen oracle: ``seed:N`` draws its weights from N(0, 1), anything else is an .npz file.

    Args:
        spec: ``seed:88``, or a file with the arrays ``embedding`` [V,E], ``Wi Wf Wc Wog`` [E,H], ``Ui Uf Uc
            Uog`` [H,H], ``bi bf bc bog`` [H], ``Wo`` [H,V] and ``bo`` [V], whose shapes decide V, E and H.
        vocabulary, embedding, hidden: V, E and H of a drawn oracle.
        length: T.
    """
    if spec.startswith("seed:"):
        oracle = _drawn(_seed(spec), vocabulary, length, embedding, hidden)
    else:
        oracle = _loaded(_read(Path(spec)), length)
    return oracle.requires_grad_(False).eval()


def oracle_entropy(
    oracle: SequenceGenerator, samples: int, rng: torch.Generator, chunk_rows: int = 128
) -> MeanAndError:
    """Entropy in nats per token, and its standard error.

    Every step's entropy is exact; only the prefixes are drawn. The mean of -log P has the same expectation
    and several times the variance.
    """
    tokens = oracle.sample(samples, rng=rng)
    rows = torch.cat([step_entropies(oracle, chunk).sum(1) for chunk in tokens.split(chunk_rows)])
    return _mean(rows.double().cpu() / oracle.length)


@torch.no_grad()
def step_entropies(generator: SequenceGenerator, tokens: Tensor) -> Tensor:
    """Entropy [B,T] of the next token after each prefix of ``tokens`` [B,T], in nats."""
    log_probs = generator.logits(tokens).log_softmax(-1)
    return -(log_probs.exp() * log_probs).sum(-1)


def oracle_nll(
    oracle: SequenceGenerator, tokens: Tensor, chunk_rows: int = 128
) -> tuple[MeanAndError, MeanAndError]:
    """Negative log-likelihood of rows [N,T] under the oracle: per token and per sequence."""
    nll = -sequence_log_probs(oracle, tokens, chunk_rows)
    return _mean(nll / oracle.length), _mean(nll)


def _mean(values: Tensor) -> MeanAndError:
    error = values.std().item() / len(values) ** 0.5 if len(values) > 1 else float("inf")
    return values.mean().item(), error


def _seed(spec: str) -> int:
    written = spec.removeprefix("seed:")
    if not re.fullmatch(r"[0-9]{1,18}", written):
        raise UsageError(f"oracle {spec!r} has no seed: give a whole number, such as seed:88.")
    return int(written)


def _drawn(seed: int, vocabulary: int, length: int, embedding: int, hidden: int) -> LSTMGenerator:
    check_memory(
        f"an oracle of {vocabulary:,} tokens", vocabulary * (embedding + hidden + 1), FIXED_BYTES
    )
    config = LSTMConfig(embedding=embedding, hidden=hidden, initial_std=1.0)
    rng = torch.Generator().manual_seed(seed)
    oracle = LSTMGenerator(config, vocabulary, length, bos=0, eos=None, pad=None, rng=rng)
    # The paper's cell has one bias a gate; the sum of torch's two would be N(0, 2).
    torch.nn.init.zeros_(oracle.lstm.all_weights[0][3])
    return oracle


def _loaded(arrays: Arrays, length: int) -> LSTMGenerator:
    (vocabulary, embedding), hidden = arrays["embedding"].shape, len(arrays["bi"])
    config = LSTMConfig(embedding=embedding, hidden=hidden, initial_std=None)
    oracle = LSTMGenerator(config, vocabulary, length, bos=0, eos=None, pad=None)
    bias = np.concatenate([arrays[f"b{gate}"] for gate in GATES])
    weights = {
        "embedding.weight": arrays["embedding"],
        "lstm.weight_ih_l0": np.concatenate([arrays[f"W{gate}"].T for gate in GATES]),
        "lstm.weight_hh_l0": np.concatenate([arrays[f"U{gate}"].T for gate in GATES]),
        "lstm.bias_ih_l0": bias,
        "lstm.bias_hh_l0": np.zeros_like(bias),
        "output.weight": arrays["Wo"].T,
        "output.bias": arrays["bo"],
    }
    oracle.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
    return oracle


def _read(path: Path) -> Arrays:
    """All arrays of the file, each of the shape that it must have."""
    if not path.is_file():
        raise UsageError(f"there is no oracle file {path}; give an .npz file or seed:N.")
    try:
        with path.open("rb") as file, np.load(file) as saved:
            arrays = {name: saved[name] for name in saved.files}
    # What is no archive, a lone array (which has no names), pickled objects, which are never loaded, and what
    # zipfile says of members that are encrypted, packed in another way or damaged.
    except Exception as error:
        raise DataError(
            f"{path} is not an .npz archive of plain numeric arrays ({error}); write it with numpy.savez."
        ) from None
    _check_arrays(path, arrays)
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def _check_arrays(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    missing = [name for name in AXES if name not in arrays]
    if missing:
        raise DataError(f"{path} lacks {', '.join(missing)}; an oracle has {', '.join(AXES)}.")
    # The sizes as far as these two have them: whatever is of another shape, they included, does not fit.
    (vocabulary, embedding, *_), (hidden, *_) = (
        (*arrays["embedding"].shape, 0, 0),
        (*arrays["bi"].shape, 0),
    )
    sizes = {"V": vocabulary, "E": embedding, "H": hidden}
    for name, axes in AXES.items():
        shape = tuple(sizes[axis] for axis in axes)
        if arrays[name].shape != shape or 0 in shape:
            raise DataError(
                f"{name} in {path} has shape {arrays[name].shape}, not [{','.join(axes)}] = {shape}: V and E "
                "are the shape of embedding, H is the length of bi."
            )
        if arrays[name].dtype.kind != "f" or not np.isfinite(arrays[name]).all():
            raise DataError(f"{name} in {path} must hold finite floating point numbers.")
