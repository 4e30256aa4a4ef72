"""Pasted lines, uploaded images and attacks on them, as the page shows them."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from explorer_runs import WORDS
from PIL import Image

from image_gans.evaluation.image_parts import save_image_parts
from image_gans.metrics.label_classifier import LabelClassifier, LabelClassifierConfig
from image_gans.networks.dcgan_networks import DCGANConfig, DCGANGenerator, DCGANTrunk
from image_gans.networks.translators.image_encoder import CodeEncoder
from seqgan_kit.cli.explore.explore_command import opened
from seqgan_kit.errors import DataError, UsageError
from seqgan_kit.explorer.image_request import label_edits
from seqgan_kit.explorer.line_anomalies import MOST_PASTED, anomalies_markup, scores_lines
from seqgan_kit.explorer.opened_run import OpenedRun
from seqgan_kit.explorer.upload_verdicts import anomaly_markup, attack_markup
from seqgan_kit.explorer.uploaded_image import read_upload

SIZE = 16
CONFIG = DCGANConfig(SIZE, 3, latent=3, width=2)


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    path = tmp_path / "upload.png"
    pixels = torch.randint(0, 256, (SIZE, SIZE, 3), generator=torch.Generator().manual_seed(0))
    Image.fromarray(pixels.to(torch.uint8).numpy()).save(path)
    return path


@pytest.fixture
def classifier_run(tmp_path: Path) -> OpenedRun:
    torch.manual_seed(0)
    config = LabelClassifierConfig(3, SIZE, "coat", ("black", "<b>white"), 2)
    save_image_parts(
        tmp_path / "run" / "model", {"classifier": LabelClassifier(config)}, ("attack",)
    )
    return opened(tmp_path / "run")


@pytest.fixture
def anomaly_run(tmp_path: Path) -> OpenedRun:
    torch.manual_seed(0)
    parts = {"encoder": CodeEncoder(CONFIG), "generator": DCGANGenerator(CONFIG),
             "features": DCGANTrunk(CONFIG)}  # fmt: skip
    verbs = ("detect", "rebuild", "sample")
    save_image_parts(tmp_path / "run" / "model", parts, verbs, {"kappa": 0.5})
    return opened(tmp_path / "run")


def test_pasted_lines_are_ranked_and_keep_their_numbers(text_run, pair_run):
    page = anomalies_markup(text_run, "a cat sat\n\n \n<b> ran\ncat")
    assert sorted(re.findall(r'li value="(\d+)"', page)) == ["1", "4", "5"]
    scores = [float(score) for score in re.findall(r"largest surprise (\d+\.\d+)", page)]
    assert scores == sorted(scores, reverse=True)
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert WORDS[2] == "<b>"
    assert "no Kneser-Ney baseline and no p-values" in page
    for run, able in ((text_run, True), (pair_run, False)):
        with run.players() as (model, discriminator):
            assert scores_lines(model, discriminator) == able


def test_too_many_lines_and_none_are_refused(text_run):
    with pytest.raises(UsageError, match="paste one or more"):
        anomalies_markup(text_run, " \n\n")
    with pytest.raises(UsageError, match="501 lines are too many for the page: paste up to 500"):
        anomalies_markup(text_run, "a\n" * (MOST_PASTED + 1))


def test_an_uploaded_image_has_the_models_score_beside_usual_ones(anomaly_run, upload):
    page = anomaly_markup(anomaly_run, upload)
    with anomaly_run.model() as model:
        score = float(model.detect(read_upload(upload, SIZE, 3))[0])
        usual = model.detect(model.images(64, seed=0))[0]
    below = float((usual < score).double().mean())
    assert f"score {score:.4f}: higher than that of {below:.0%} of 64 samples" in page
    assert page.count("<img") == 3
    with pytest.raises(DataError, match="no image was given"):
        anomaly_markup(anomaly_run, None)


def test_an_image_is_shown_at_every_class(upload):
    def edit(images, carry):
        return torch.cat([images, images / 2, -images if carry else 0 * images], 3)

    conditions = SimpleNamespace(names=("age",), classes=(("kitten", "old"),))
    model = SimpleNamespace(
        input_shape=lambda verb: (SIZE, 3), edit=edit, editor=SimpleNamespace(conditions=conditions)
    )
    found = label_edits(model, upload, carry=True)
    image = read_upload(upload, SIZE, 3)[0]
    assert [name for name, _ in found] == ["as the model reads it", "age: kitten", "age: old"]
    for (_, shown), expected in zip(found, (image, image / 2, -image), strict=True):
        assert torch.equal(shown, expected)


def test_an_attack_stays_within_epsilon_and_none_changes_nothing(classifier_run, upload):
    how = {"norm": "linf", "steps": 3, "seed": 0}
    still = attack_markup(classifier_run, upload, epsilon=0.0, **how)
    page = attack_markup(classifier_run, upload, epsilon=8.0, **how)
    assert "at most 0.0 grey levels" in still
    assert "at most 8.0 grey levels" in page
    chances = [re.findall(r"<span>([\d.]+)%</span>", text) for text in (still, page)]
    assert chances[0][0] == chances[0][1] == chances[1][0]  # black: before and after, before
    named, other = (0, 2) if float(chances[1][0]) > 50 else (2, 0)
    assert float(chances[1][named + 1]) < float(chances[1][named])
    assert float(chances[1][other + 1]) > float(chances[1][other])
    assert "&lt;b&gt;white" in page
    assert "<b>white" not in page
