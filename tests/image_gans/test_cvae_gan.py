"""CVAE-GAN: its losses on tiny networks, and the scores of swapped codes and of added samples."""

import math

import pytest
import torch
from torch import Tensor

from image_gans.conditions import Conditions, LabelledCorpus, conditioned
from image_gans.evaluation.image_scores import ImageScoreSettings
from image_gans.evaluation.translation.swap_scores import (
    ALONE,
    AugmentationSettings,
    SwapScorer,
)
from image_gans.methods.translation.cvae_gan import (
    CVAEGame,
    CVAEGANMethod,
    build,
    class_mean_distance,
)
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.conditional import ConditionSettings
from image_gans.networks.translators.labelled_choice import build_encoded_networks
from seqgan_kit.core.game import Move
from seqgan_kit.data.images.image_account import ImageAccount
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.image_corpus import ImageCorpus

NAMES = {"shade": ("dark", "light"), "side": ("left", "right", "none")}


def corpus(n: int = 24) -> ImageCorpus:
    """Images whose first label is their shade; the second says nothing."""
    shade, side = torch.arange(n) % 2, torch.arange(n) % 3
    rng = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 50, (n, 1, 16, 16), generator=rng)
    pictures = (noise + 150 * shade.view(-1, 1, 1, 1)).to(torch.uint8)
    labels = {"shade": shade, "side": side}
    return ImageCorpus(
        train=pictures, test=pictures, train_labels=labels, test_labels=labels, label_names=NAMES,
        train_captions=[], test_captions=[], account=ImageAccount(16, 1, {}, NAMES),
    )  # fmt: skip


def labelled() -> LabelledCorpus:
    return conditioned(corpus())


def game(**settings: float) -> CVAEGame:
    torch.manual_seed(0)
    choice = NetworkChoice(width=2, latent=3, discriminator_norm="layer")
    data = ImageData(size=16, channels=1)
    networks = build_encoded_networks(choice, data, labelled(), ConditionSettings(embedding=2))
    return build(*networks, CVAEGANMethod(classifier_width=2, **settings))  # type: ignore[arg-type]


def batch() -> dict[str, Tensor]:
    rng = torch.Generator().manual_seed(1)
    real = 2 * torch.rand(6, 1, 16, 16, generator=rng) - 1
    return {"real": real, "shade": torch.arange(6) % 2, "side": torch.arange(6) % 3}


def move() -> Move:
    return Move("adversarial", 0, 1, torch.Generator().manual_seed(0))


def test_an_encoder_reads_the_labels_beside_the_image_in_either_network() -> None:
    for network in ("dcgan", "mlp"):
        choice = NetworkChoice(network, width=2, latent=3)  # type: ignore[arg-type]
        data = ImageData(size=16, channels=1)
        encoder, *_ = build_encoded_networks(choice, data, labelled(), ConditionSettings())
        x = torch.rand(1, 1, 16, 16).expand(4, -1, -1, -1)
        mean, log_variance = encoder.eval()(x, torch.tensor([[0, 0], [1, 0], [0, 2], [0, 0]]))
        assert mean.shape == log_variance.shape == (4, 3)
        assert torch.allclose(mean[0], mean[3], atol=1e-6)
        assert not torch.allclose(mean[0], mean[1])
        assert not torch.allclose(mean[0], mean[2])


def test_class_means_are_compared_within_each_class() -> None:
    """Two labels: classes of one swap the means 0 and 2, the other has one class and equal means."""
    real = torch.tensor([[0.0], [0.0], [2.0], [2.0]])
    labels = torch.tensor([[0, 0], [0, 0], [1, 0], [1, 0]])
    distance = class_mean_distance(real, real.flip(0), labels)
    assert distance.item() == pytest.approx((4 + 4 + 0) / 2)
    assert class_mean_distance(real, real, labels).item() == 0


def test_the_loss_is_the_weighted_sum_of_its_terms() -> None:
    weights = {
        "divergence_weight": 3.0, "reconstruction_weight": 0.5, "discriminator_mean_weight": 7.0,
        "classifier_mean_weight": 11.0,
    }  # fmt: skip
    loss = game(**weights).generator_loss(batch(), move())
    logs = {name: torch.as_tensor(value) for name, value in loss.logs.items()}
    wanted = (
        3 * logs["code_divergence"]
        + 0.5 * (logs["pixel_error"] + logs["feature_error"])
        + 7 * logs["mean_feature_distance"]
        + 11 * logs["class_mean_distance"]
    )
    assert torch.allclose(loss.total, wanted)
    assert all(value > 0 for value in logs.values())


def test_neither_score_nor_classification_reaches_the_generator() -> None:
    """With broken heads of D and C the loss of E and G is what it was: only features matter."""
    whole, headless = game(), game()
    for head in (headless.players["discriminator"].score, headless.players["classifier"].heads):
        for parameter in head.parameters():  # type: ignore[union-attr]
            parameter.data.fill_(math.nan)
    losses = [played.generator_loss(batch(), move()).total for played in (whole, headless)]
    assert torch.equal(*losses)


def test_a_discriminator_that_says_nothing_pays_three_times_log_2() -> None:
    played = game()
    for parameter in played.players["discriminator"].score.parameters():  # type: ignore[union-attr]
        parameter.data.zero_()
    loss = played.discriminator_loss(batch(), move())
    assert loss.total.item() == pytest.approx(3 * math.log(2), abs=1e-6)


def test_the_baseline_starts_from_the_same_weights_and_sees_neither_d_nor_c() -> None:
    played = game(divergence_weight=2.0, reconstruction_weight=0.5)
    whole, alone = (
        played.loss(name, batch(), move()) for name in ("generator_loss", "baseline_loss")
    )
    pixels = torch.as_tensor(whole.logs["pixel_error"])
    assert torch.equal(pixels, torch.as_tensor(alone.logs["baseline_pixel_error"]))
    divergence = torch.as_tensor(whole.logs["code_divergence"])
    assert torch.allclose(alone.total, 2 * divergence + 0.5 * pixels)


def scorer(few_labels: int) -> SwapScorer:
    settings = AugmentationSettings(few_labels, added_samples=8, classifier_steps=40)
    scores = ImageScoreSettings(8, 4, features="none")
    conditions = Conditions(tuple(NAMES), tuple(NAMES.values()))
    return SwapScorer(corpus(), scores, augmentation=settings, conditions=conditions)


def test_a_code_is_decoded_under_the_labels_that_are_told() -> None:
    played, shown = game().eval(), scorer(0)
    real, labels = shown._test(4)
    same = shown.decoded(played, real, labels, labels)
    swapped = shown.decoded(played, real, labels, labels.flip(1).clamp_max(1))
    assert same.shape == swapped.shape == (4, 1, 16, 16)
    assert not torch.allclose(same, swapped)
    again = shown.decoded(played, real, labels, labels)
    assert torch.equal(same, again)


def test_the_table_has_the_baseline_and_a_classifier_of_few_labels() -> None:
    """The shade of an image is easy: four labelled images of each class are enough, without samples."""
    table = scorer(8).record("faces", {"CVAE-GAN": game().eval()}, seed=0)
    rows = {row["name"]: row["values"] for row in table["rows"]}
    assert list(rows) == [ALONE, "CVAE-GAN", "real data"]
    assert rows["real data"]["few_label_accuracy"] == 1
    assert 0 <= rows["CVAE-GAN"]["few_label_accuracy"] <= 1
    assert rows[ALONE]["rebuilt_psnr"] == pytest.approx(rows["CVAE-GAN"]["rebuilt_psnr"])
    assert "rebuilt_psnr" not in rows["real data"]
    assert "few_label_accuracy" in {column["key"] for column in table["columns"]}
