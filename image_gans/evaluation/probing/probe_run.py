"""Probe the discriminator of a run: a table, curves of label efficiency, and pictures of its filters.

Radford, Metz, Chintala 2016, "Unsupervised representation learning with deep convolutional generative
adversarial networks", sections 5 and 6.2.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from image_gans.evaluation.probing.label_efficiency import (
    SUPERVISED,
    Curve,
    Features,
    curves,
    probed,
)
from image_gans.evaluation.probing.layer_features import (
    guided,
    guided_gradients,
    layer_features,
    trunk_layers,
)
from image_gans.evaluation.probing.trained_trunk import TrainedTrunk, trained_trunk
from image_gans.grids import enlargement, save_grid
from seqgan_kit.core.runs.log import write_whole
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.load_images import load_images
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import DataError, unknown
from seqgan_kit.metrics.statistics.divergences import Estimate

_OWN, _RANDOM, _PIXELS = "D, all layers", "untrained D, all layers", "pixels"
_FILTERS, _IMAGES, _LOOKED_AT = 8, 8, 512


def probe_run(
    run_dir: Path,
    out: Path,
    *,
    labels: str | None = None,
    label: str | None = None,
    seed: int = 0,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Write probe.json, filters.png and filters-untrained.png into a folder; return the table.

    Args:
        run_dir: a run of an image GAN.
        out: the folder.
        labels: labelled images, in any form that a recipe takes as ``--images``; None: those of the run.
        label: the label to learn; None: the first.
        seed: of the untrained discriminator and of the choice of labelled images.
        tell: is told about the progress.
    """
    found = trained_trunk(run_dir)
    corpus = _labelled(found, labels, run_dir)
    name = label or next(iter(corpus.label_names))
    if name not in corpus.label_names:
        raise unknown("label", name, corpus.label_names)
    tell("features of the images")
    own, random = (_features(trunk, corpus) for trunk in (found.trunk, found.untrained(seed)))
    features = {_OWN: _joined(own), _RANDOM: _joined(random), _PIXELS: _pixels(corpus)}
    drawn = curves(corpus, name, features, seed, tell)
    most = drawn[0].counts[-1]
    tell("single layers")
    layers = {f"D, layer {i}": pair for i, pair in enumerate(own, 1)}
    alone = probed(corpus, name, layers, most, seed)
    record = _record(name, drawn, alone, {**features, **layers}, corpus)
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "probe.json", (json.dumps(record, indent=2) + "\n").encode())
    tell("guided gradients")
    images = to_float(corpus.test[:_LOOKED_AT])
    draw_filters(found.trunk, images, out / "filters.png")
    draw_filters(found.untrained(seed), images, out / "filters-untrained.png")
    return record


def draw_filters(trunk: nn.Module, images: Tensor, path: Path) -> Path:
    """Draw filters of the last layer: the images that excite each most, above their guided gradients."""
    layer = len(trunk_layers(trunk)) - 1
    maps = layer_features(trunk, images)[layer]
    last = _last_channels(trunk, images[:1], layer)
    excited = maps.view(len(images), last, -1).amax(2)
    chosen = excited.var(0).argsort(descending=True)[:_FILTERS]
    network, rows = guided(trunk), []
    for channel in chosen.tolist():
        top = images[excited[:, channel].argsort(descending=True)[:_IMAGES]]
        gradient = guided_gradients(network, top, layer, torch.full((len(top),), channel))
        largest = gradient.flatten(1).abs().amax(1).clamp(min=1e-12).view(-1, 1, 1, 1)
        rows += [top, gradient / largest]
    scale = enlargement(images)
    return save_grid(torch.cat(rows), path, columns=len(rows[0]), scale=scale)


def _last_channels(trunk: nn.Module, image: Tensor, layer: int) -> int:
    """Return the number of channels of a layer."""
    found: list[int] = []
    handle = trunk_layers(trunk)[layer].register_forward_hook(
        lambda _m, _i, output: found.append(output.shape[1])
    )
    with torch.no_grad():
        trunk(image)
    handle.remove()
    return found[0]


def _labelled(found: TrainedTrunk, labels: str | None, run_dir: Path) -> ImageCorpus:
    """Return the labelled images, of the size that D reads."""
    data = found.data
    if labels is not None:
        data = replace(data, images=labels, test_images=None, column=None, label_column=None)
    corpus = load_images(data)
    if not corpus.label_names:
        raise DataError(
            f"the images {labels or data.images} have no labels: give --labels a folder with a sub-folder "
            "for each class, a CSV file with the columns file_name and class, or a parquet file with a "
            f"column of labels. The discriminator of {run_dir} needs none for itself."
        )
    return corpus


def _features(trunk: nn.Module, corpus: ImageCorpus) -> list[tuple[Tensor, Tensor]]:
    """Return the features of training and test images by layer."""
    train, test = (layer_features(trunk, to_float(x)) for x in (corpus.train, corpus.test))
    return list(zip(train, test, strict=True))


def _joined(layers: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    train, test = zip(*layers, strict=True)
    return torch.cat(train, 1), torch.cat(test, 1)


def _pixels(corpus: ImageCorpus) -> tuple[Tensor, Tensor]:
    return to_float(corpus.train).flatten(1), to_float(corpus.test).flatten(1)


def _record(
    label: str,
    drawn: Sequence[Curve],
    alone: Mapping[str, Estimate],
    features: Features,
    corpus: ImageCorpus,
) -> dict[str, Any]:
    """Return the table, with a column for each number of labels, and the curves as a chart."""
    counts = drawn[0].counts
    tested = int((corpus.test_labels[label] >= 0).sum())
    rows = [
        _row(curve.name, dict(zip(counts, curve.accuracies, strict=True)), features)
        for curve in drawn
    ]
    rows += [_row(name, {counts[-1]: estimate}, features) for name, estimate in alone.items()]
    classes = corpus.test_labels[label]
    constant = float(classes[classes >= 0].bincount().max()) / tested
    values = {f"accuracy_{count}": constant for count in counts}
    rows.append({"name": "most frequent class", "values": values, "reference": True})
    columns: list[dict[str, Any]] = [
        {"key": "features", "label": "features", "better": None, "digits": 0, "signature": "number"}
    ]
    columns += [
        {
            "key": f"accuracy_{count}",
            "label": f"{count:,} labels",
            "better": "higher",
            "digits": 3,
            "signature": f"accuracy|label:{label}|labels:{count}|test:{tested}",
        }
        for count in counts
    ]
    note = (
        "A row with features is a linear probe: logistic regression with an L2 penalty chosen on a fifth of "
        "the labelled images. The untrained D has random weights. The supervised network is a convolutional "
        "network trained on the same labels, without D. Single layers were probed with the most labels only."
    )
    lines = [
        {
            "name": curve.name,
            "points": [[n, e.value] for n, e in zip(counts, curve.accuracies, strict=True)],
            "errors": [e.standard_error for e in curve.accuracies],
        }
        for curve in drawn
    ]
    title = f"accuracy of the {label} by the number of labels"
    chart = {"title": title, "x_label": "labelled images", "lines": lines}
    return {"title": title, "columns": columns, "rows": rows, "notes": [note], "charts": [chart]}


def _row(name: str, scores: Mapping[int, Estimate], features: Features) -> dict[str, Any]:
    values: dict[str, float] = {f"accuracy_{n}": e.value for n, e in scores.items()}
    if name != SUPERVISED:
        values["features"] = float(features[name][0].shape[1])
    errors = {f"accuracy_{n}": e.standard_error for n, e in scores.items()}
    return {"name": name, "values": values, "errors": errors}
