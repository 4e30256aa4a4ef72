"""A recogniser of a data set's labels, trained once and cached by the hash of its training data.

It learns by the sum of its heads' cross-entropies, on images shifted by up to a sixteenth of their side;
rows without a label do not count for it. The number of steps is fixed, so the cost does not grow with the
data: about a minute on one CPU core for colour images of 32 pixels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass

import torch
from torch import Tensor
from torch.nn import functional

from image_gans.metrics.recogniser import (
    Recogniser,
    RecogniserConfig,
    load_recogniser,
    save_recogniser,
)
from seqgan_kit.core.bounds import Count, Positive, Size, Weight, bounded
from seqgan_kit.core.products import channels_last
from seqgan_kit.data.cache import cache_dir, cache_key
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import CheckpointError, DataError
from seqgan_kit.metrics.statistics.divergences import Estimate

_CHUNK = 256
_FEWEST_SCHEDULED = 6  # OneCycleLR divides by the steps of its rise, minus one.


@dataclass(frozen=True)
@bounded
class RecognitionTraining:
    """Settings of a recogniser's training."""

    width: Size = 24
    """Channels of its first layers."""
    steps: Positive = 600
    """Number of batches."""
    batch_size: Positive = 64
    """Images per batch."""
    learning_rate: Weight = 4e-3
    """AdamW's largest learning rate; it rises for a fifth of the steps and falls to zero."""
    weight_decay: Weight = 0.01
    """Weight decay of AdamW."""
    seed: Count = 0
    """Seed of weights, batches and shifts."""


def recogniser_of(
    pictures: Tensor,
    labels: Mapping[str, Tensor],
    label_names: Mapping[str, tuple[str, ...]],
    training: RecognitionTraining = RecognitionTraining(),
) -> Recogniser:
    """Return the recogniser of these images, from the cache if it was trained before.

    Args:
        pictures: [N,C,H,H] uint8.
        labels: [N] class numbers by label; -1 where there is none.
        label_names: the classes of each label.
        training: how to train it.
    """
    names = learnable(labels, label_names)
    if not names:
        raise DataError(
            "no recogniser can be trained, because these images have no labels: give "
            "labelled images."
        )
    sha = hashlib.sha256(pictures.contiguous().numpy().tobytes())
    for name in names:
        sha.update(labels[name].numpy().tobytes())
    parts = {"data": sha.hexdigest(), "shape": list(pictures.shape), "names": names}
    key = cache_key("recogniser", {**parts, "training": asdict(training)})
    path = cache_dir() / f"{key}.safetensors"
    try:
        return load_recogniser(path)
    except CheckpointError:
        recogniser = train_recogniser(pictures, labels, names, training)
    with suppress(
        OSError
    ):  # Without a writable cache the recogniser is trained again, but the run goes on.
        save_recogniser(path, recogniser)
    return recogniser


def learnable(
    labels: Mapping[str, Tensor], label_names: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Return labels with at least two classes and five images per class."""
    known = {name: int((values >= 0).sum()) for name, values in labels.items()}
    return {n: label_names[n] for n in labels if 1 < len(label_names[n]) <= known[n] // 5}


@torch.enable_grad()  # An evaluation, which has no gradients, may be the first to need it.
def train_recogniser(
    pictures: Tensor,
    labels: Mapping[str, Tensor],
    label_names: Mapping[str, tuple[str, ...]],
    training: RecognitionTraining,
) -> Recogniser:
    """Train a recogniser from scratch and return it in eval mode; equal seeds give equal results.

    Args:
        pictures: [N,C,H,H] uint8.
        labels: [N] class numbers by label; -1 where there is none.
        label_names: the classes of each label to learn.
        training: how.
    """
    config = RecogniserConfig(
        pictures.shape[1], pictures.shape[2], dict(label_names), training.width
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        recogniser = Recogniser(config)
    channels_last(recogniser)
    rng = torch.Generator().manual_seed(training.seed)
    rate = training.learning_rate
    optimizer = torch.optim.AdamW(
        recogniser.parameters(), rate, weight_decay=training.weight_decay, fused=True
    )
    steps = max(training.steps, _FEWEST_SCHEDULED)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps, pct_start=0.2
    )
    for _, rows in zip(range(training.steps), _batches(len(pictures), training, rng), strict=False):
        logits = recogniser(_shifted(to_float(pictures[rows]), rng))
        told = {name: labels[name][rows] for name in label_names}
        optimizer.zero_grad()
        label_losses(logits, told).sum().backward()
        optimizer.step()
        schedule.step()
    optimizer.zero_grad()
    # As it will be read from a file: the same order of sums, so the same scores to the last digit.
    recogniser.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return recogniser.eval().requires_grad_(False)


@torch.no_grad()
def recognise(recogniser: Recogniser, pictures: Tensor) -> dict[str, Tensor]:
    """Class probabilities [N,classes] by label, of images [N,C,H,H] in [-1,1]."""
    pieces = [recogniser(part) for part in pictures.split(_CHUNK)]
    return {name: torch.cat([piece[name] for piece in pieces]).softmax(1) for name in pieces[0]}


def accuracies(
    probabilities: Mapping[str, Tensor], labels: Mapping[str, Tensor]
) -> dict[str, Estimate]:
    """Share of images whose most probable class is theirs, by label; those without a label do not count.

    Args:
        probabilities: [N,classes] by label.
        labels: [N] class numbers by label; -1 where there is none.
    """
    found = {}
    for name in probabilities.keys() & labels.keys():
        known = labels[name] >= 0
        if known.any():
            hits = (probabilities[name][known].argmax(1) == labels[name][known]).double()
            share, count = float(hits.mean()), len(hits)
            found[name] = Estimate(share, (share * (1.0 - share) / count) ** 0.5)
    return {name: found[name] for name in probabilities if name in found}


def label_losses(logits: Mapping[str, Tensor], labels: Mapping[str, Tensor]) -> Tensor:
    """Return the cross-entropy [K] of each label, a mean over all rows; rows without the label add 0.

    Args:
        logits: [N,classes] by label.
        labels: [N] class numbers by label, -1 where there is none.
    """
    totals = [
        functional.cross_entropy(scores, labels[name], ignore_index=-1, reduction="sum")
        / len(scores)
        for name, scores in logits.items()
    ]
    return torch.stack(totals)


def _batches(n: int, training: RecognitionTraining, rng: torch.Generator) -> Iterator[Tensor]:
    """Row numbers without end, every row once an epoch; a last batch that is short is left out."""
    size = min(training.batch_size, n)
    while True:
        order = torch.randperm(n, generator=rng)
        yield from (rows for rows in order.split(size) if len(rows) == size)


def _shifted(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """The batch moved by up to a sixteenth of its side, the border repeated; channels last."""
    side = pictures.shape[-1]
    most = side // 16
    down, across = torch.randint(0, 2 * most + 1, (2,), generator=rng).tolist()
    padded = functional.pad(pictures, (most,) * 4, mode="replicate")
    moved = padded[:, :, down : down + side, across : across + side]
    return moved.contiguous(memory_format=torch.channels_last)
