"""Writes golden_inception.json: results of torch-fidelity and clean-fid for seeded weights and images.

The two packages import torchvision, which nothing computed here needs, so an empty module replaces it. They
go into a folder of their own, outside this project's environment:

    python -m pip install --no-deps --target FOLDER torch-fidelity==0.4.0 clean-fid==0.1.35 scipy
    PYTHONPATH=.:tests/image_gans python tests/image_gans/metrics/make_golden_inception.py FOLDER
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from random_inception import images, random_file

GOLDEN = Path(__file__).with_name("golden_inception.json")
SHOWN_FEATURES, SHOWN_PIXELS = 12, 11


def main(folder: str) -> None:
    """Compute the results and write the file."""
    sys.path.append(folder)
    for name in ("torchvision", "torchvision.datasets", "torchvision.transforms",
                 "torchvision.transforms.functional", "requests", "tqdm", "clip", "cv2"):  # fmt: skip
        sys.modules.setdefault(name, mock.MagicMock())
    sys.modules["tqdm"].tqdm = lambda x, **_: x
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as place:
        scores = _scores(random_file(Path(place) / "inception.pth"))
    GOLDEN.write_text(json.dumps({**scores, "clean_resized": _resized()}, indent=1) + "\n")


def _scores(path: Path) -> dict[str, object]:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric

    names = ["2048", "logits_unbiased", "logits"]
    network = FeatureExtractorInceptionV3(
        "x",
        names,
        feature_extractor_weights_path=str(path),
        feature_extractor_internal_dtype="float64",
    )
    logits = np.random.default_rng(3).normal(0.0, 3.0, (50, 40))
    plain, loud = (network(torch.from_numpy(images(kind))) for kind in ("plain", "loud"))
    n = len(plain[0])
    return {
        "features": plain[0][:, :SHOWN_FEATURES].tolist(),
        "logits": plain[2][:, :SHOWN_FEATURES].tolist(),
        "fid": fid_statistics_to_metric(
            *map(fid_features_to_statistics, (plain[0].double(), loud[0].double())), verbose=False
        )["frechet_inception_distance"],
        "kid": kid_features_to_metric(  # float32 would cost digits
            plain[0].double(), loud[0].double(), kid_subsets=2, kid_subset_size=n, verbose=False
        )["kernel_inception_distance_mean"],
        "is": isc_features_to_metric(loud[1], splits=2, shuffle=False)["inception_score_mean"],
        "is_of_logits": isc_features_to_metric(torch.from_numpy(logits), shuffle=False)[
            "inception_score_mean"
        ],
    }


def _resized() -> dict[str, list[list[float]]]:
    """Every so many pixels along the diagonal of clean-fid's resized images, by the size before."""
    from cleanfid.resize import build_resizer

    resize, found = build_resizer("clean"), {}
    for size in (32, 299, 412):
        image = images("loud", 1, size)[0].transpose(1, 2, 0)
        result = resize(image)
        found[str(size)] = result[range(0, 299, SHOWN_PIXELS), range(0, 299, SHOWN_PIXELS)].tolist()
    return found


if __name__ == "__main__":
    main(sys.argv[1])
