"""The oracle of the SeqGAN paper (Yu et al. 2017, section 4): an LSTM with fixed random weights.

Its rows have T tokens and no EOS; token 0 is the first input and may also be written. Its probabilities are
known exactly, so a generator is scored by

    NLL_oracle = - E_G sum_t log P(y_t | y_1 .. y_t-1) / T        (eq. 9, per token as published)

NLL_oracle alone rewards collapse: one likely row, repeated, scores lower than the oracle's own entropy

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

from seqgan_kit.core.runs.machine.memory import FIXED_BYTES, check_memory
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator
from seqgan_kit.sequences.maximum_likelihood import sequence_log_probs

GATES = ("i", "f", "c", "og")
"""Names of the file's gates in torch's order: input, forget, candidate, output."""

AXES = {
    "embedding": "VE",
    **{f"W{gate}": "EH" for gate in GATES},
    **{f"U{gate}": "HH" for gate in GATES},
    **{f"b{gate}": "H" for gate in GATES},
    "Wo": "HV",
    "bo": "V",
}
"""Axes of the file's arrays: V tokens, E width of embeddings, H width of the LSTM."""

MeanAndError = tuple[float, float]
Arrays = Mapping[str, NDArray[np.float32]]


def open_oracle(
    spec: str, *, vocabulary: int = 5000, length: int = 20, embedding: int = 32, hidden: int = 32
) -> LSTMGenerator:
    """Return the frozen oracle: ``seed:N`` draws weights from N(0, 1); any other value is an .npz file.

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
    """Estimate the entropy in nats per token, with its standard error.

    The entropy of every step is exact; only prefixes are sampled. The mean of -log P has the same expectation
    but several times the variance.
    """
    tokens = oracle.sample(samples, rng=rng)
    rows = torch.cat([step_entropies(oracle, chunk).sum(1) for chunk in tokens.split(chunk_rows)])
    return _mean(rows.double().cpu() / oracle.length)


@torch.no_grad()
def step_entropies(generator: SequenceGenerator, tokens: Tensor) -> Tensor:
    """Return the entropy [B,T] in nats of the next token after each prefix of ``tokens`` [B,T]."""
    log_probs = generator.logits(tokens).log_softmax(-1)
    return -(log_probs.exp() * log_probs).sum(-1)


def oracle_nll(
    oracle: SequenceGenerator, tokens: Tensor, chunk_rows: int = 128
) -> tuple[MeanAndError, MeanAndError]:
    """Return the negative log-likelihood of rows [N,T] under the oracle, per token and per sequence."""
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
    # The paper's cell has one bias per gate; the sum of torch's two would be N(0, 2).
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
    """Read all arrays of the file and check their shapes."""
    if not path.is_file():
        raise UsageError(f"the oracle file {path} does not exist; give an .npz file or seed:N.")
    try:
        with path.open("rb") as file, np.load(file) as saved:
            arrays = {name: saved[name] for name in saved.files}
    # The errors for files that are not archives, for a single array (which has no names), for pickled
    # objects, which are never loaded, and those of zipfile for encrypted, unsupported or damaged members.
    except Exception as error:
        raise DataError(
            f"{path} is not an .npz archive of plain numeric arrays ({error}); write it with numpy.savez."
        ) from None
    _check_arrays(path, arrays)
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def _check_arrays(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    missing = [name for name in AXES if name not in arrays]
    if missing:
        raise DataError(f"{path} lacks {', '.join(missing)}; an oracle needs {', '.join(AXES)}.")
    # These two arrays define the sizes; every array of another shape, including these two, is refused.
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
            raise DataError(f"{name} in {path} must contain finite floating-point numbers only.")
