"""Chains that captions steer: the likelihood of captions, its slope, an exact law, and what is saved."""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from image_gans.evaluation.captions.caption_model import CaptionModel
from image_gans.evaluation.image_export import load_image_model
from image_gans.evaluation.latent import caption_steering
from image_gans.evaluation.latent.caption_steering import CHANCE, UNTOLD, steering_scorer
from image_gans.evaluation.latent.conditional_law import with_seen_labels
from image_gans.evaluation.latent.steering_scores import SteeringSettings, drawing_model
from image_gans.latent.langevin import Steering, steered
from image_gans.methods.latent.ppgn import PPGNGame, PPGNMethod, build, phases
from image_gans.networks.captions.caption_writer import CaptionWriter, CaptionWriterConfig
from image_gans.networks.choice import NetworkChoice
from image_gans.schedule import ImageTraining
from seqgan_kit.cli.main import main
from seqgan_kit.core.game import Batch
from seqgan_kit.data.images.captioned import CaptionedImages, captioned
from seqgan_kit.data.images.load_images import ImageData, load_images
from seqgan_kit.data.images.pixels import to_float
from seqgan_kit.errors import CheckpointError, UsageError

DATA = ImageData(size=16, train_images=200)
STEERING = Steering(epsilon1=0.1, epsilon2=0.5, epsilon3=0.05, moves=4)
WORDS = ("cat", "dog", "sits")
CAPTIONS = ["a black cat is sleeping on the sofa .", "a white cat is sitting ."]


def writer(scores: int = 3) -> CaptionWriter:
    torch.manual_seed(0)
    made = CaptionWriter(CaptionWriterConfig(WORDS, 4, scores, width=4)).double().eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(2.0)
    return made


def test_the_likelihood_is_that_of_each_word_given_those_before() -> None:
    """Rows by hand; a row's end counts, and what follows it and unknown words do not."""
    made = writer()
    rows = torch.tensor([[4, 5, 2, 0], [6, 2, 0, 0], [4, 3, 5, 2]])
    h = torch.randn(1, 3, dtype=torch.float64).expand(3, -1)
    logs = made(h, rows).log_softmax(2)
    by_hand = [
        logs[0, 0, 4] + logs[0, 1, 5] + logs[0, 2, 2],
        logs[1, 0, 6] + logs[1, 1, 2],
        logs[2, 0, 4] + logs[2, 2, 5] + logs[2, 3, 2],
    ]
    torch.testing.assert_close(made.log_prob(h, rows), torch.stack(by_hand))
    # A token's logits depend on the image and on the tokens before it alone.
    pair = torch.tensor([[4, 5, 2, 0], [4, 6, 2, 0]])
    logits = made(h[:2], pair)
    torch.testing.assert_close(logits[0, :2], logits[1, :2])
    assert (logits[0, 2] - logits[1, 2]).abs().max() > 1e-3
    assert (made(h[:1] + 1, pair[:1]) - logits[:1]).abs().max() > 1e-3


def test_steps_by_captions_sample_the_posterior() -> None:
    """p(h) = N(0, 1) and p(y | h) of the captioning model: mean and variance of p(h | y) on a grid.

    The denoiser at noise sigma has the score of N(0, 1 + sigma^2), which therefore is the prior on the grid.
    """
    made, row = writer(scores=1), torch.tensor([[4, 6, 2, 0]])
    sigma, eta = 0.3, 0.1
    grid = torch.linspace(-8, 8, 801, dtype=torch.float64)[:, None]
    with torch.no_grad():
        logs = made.log_prob(grid, row.expand(801, -1)) - grid[:, 0] ** 2 / 2 / (1 + sigma**2)
    p = logs.softmax(0)
    mean = float(p @ grid[:, 0])
    variance = float(p @ (grid[:, 0] - mean) ** 2)
    assert abs(mean) > 0.3  # the caption tells something
    steps = Steering(epsilon1=eta / sigma**2, epsilon2=eta, epsilon3=math.sqrt(2 * eta), moves=60)
    noise = torch.randn(
        61, 3000, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    rows = row.expand(3000, -1)
    end = steered(
        noise[0], lambda h: h / (1 + sigma**2), lambda h: made.log_prob(h, rows), steps,
        lambda number: noise[number + 1],
    )  # fmt: skip
    assert end.mean().item() == pytest.approx(mean, abs=0.06)
    assert end.var().item() == pytest.approx(variance, rel=0.12)


@pytest.fixture(scope="module")
def told() -> CaptionedImages:
    return captioned(with_seen_labels(load_images(DATA)))


@pytest.fixture(scope="module")
def game(told: CaptionedImages) -> PPGNGame:
    torch.manual_seed(0)
    method = PPGNMethod(recogniser_width=2, denoiser_width=4, captions=True, caption_width=4)
    made = build(NetworkChoice(width=2), DATA, told.corpus.label_names, method, told)
    with torch.no_grad():  # away from DCGAN's tiny initial weights
        for parameter in made.players["generator"].parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
        for _ in range(20):  # running statistics, without which features are tiny
            x = to_float(told.corpus.train[:64])
            made.players["recogniser"].train()(x)
            made.players["denoiser"].train().standardised(made.encoded(x))  # type: ignore[operator]
    return made


@pytest.fixture
def batch(told: CaptionedImages) -> Batch:
    return told.feed(4, seed=0).next_batch()


def test_the_slope_through_the_image_is_that_of_finite_differences(
    game: PPGNGame, told: CaptionedImages
) -> None:
    """d/ds log p(caption | G(s)) along random directions, in double precision."""
    model = drawing_model(game, STEERING).double()
    rows = told.rows(CAPTIONS)
    rng = torch.Generator().manual_seed(1)
    size = 2, model.config.latent
    s, ahead = (torch.randn(size, generator=rng, dtype=torch.float64) for _ in range(2))
    s.requires_grad_(True)
    (slope,) = torch.autograd.grad(model.caption_log_prob(s, rows).sum(), s)
    with torch.no_grad():
        ends = [model.caption_log_prob(s + e * ahead, rows) for e in (1e-6, -1e-6)]
    expected = (ends[0] - ends[1]) / 2e-6
    model.float()
    assert expected.dtype == torch.float64
    torch.testing.assert_close((slope * ahead).sum(1), expected, rtol=1e-4, atol=1e-7)
    assert expected.abs().min() > 1e-4


def test_the_captioning_model_learns_captions_and_nothing_else_does(
    game: PPGNGame, batch: Batch
) -> None:
    loss = game.caption_writer_loss(batch, SimpleNamespace(rng=None))  # type: ignore[arg-type]
    made = game.players["caption_writer"]
    recogniser = game.players["recogniser"].eval()
    scores = torch.cat([x.log_softmax(1) for x in recogniser(batch["real"]).values()], 1)
    by_hand = -made.log_prob(scores, batch["caption"]).mean()  # type: ignore[operator]
    torch.testing.assert_close(loss.total, by_hand)
    loss.total.backward()
    learning = {
        name for name, p in game.players.items() for q in p.parameters() if q.grad is not None
    }
    assert learning == {"caption_writer"}
    game.zero_grad()
    assert set(batch) >= {"real", "coat", "caption"}
    names = [phase.name for phase in phases(PPGNMethod(captions=True), ImageTraining())]
    assert names == ["features", "captions", "adversarial", "prior"]
    assert "captions" not in [phase.name for phase in phases(PPGNMethod(), ImageTraining())]


def test_the_caption_climbs_and_unknown_words_steer_nothing(
    game: PPGNGame, told: CaptionedImages
) -> None:
    climbing = Steering("none", epsilon1=0.0, epsilon2=5.0, epsilon3=0.0, moves=15)
    model = drawing_model(game, climbing)
    rows = told.rows(CAPTIONS)

    def drawn(how: Steering, captions: Tensor) -> Tensor:
        model.steering = how
        return model.latents_of_captions(captions, torch.Generator().manual_seed(2))

    start, end = drawn(replace(climbing, epsilon2=0.0), rows), drawn(climbing, rows)
    with torch.no_grad():
        assert (model.caption_log_prob(end, rows) > model.caption_log_prob(start, rows)).all()
    unknown = torch.full_like(rows, 3)
    torch.testing.assert_close(drawn(climbing, unknown), start)


@pytest.fixture
def run_dir(game: PPGNGame, told: CaptionedImages, tmp_path: Path) -> Path:
    scorer = steering_scorer(told.corpus, told, STEERING, SteeringSettings())
    scorer.check(game)
    scorer.export(game, tmp_path / "run" / "model", {})
    return tmp_path / "run"


def test_a_saved_model_paints_captions_and_samples_classes(run_dir: Path, game: PPGNGame) -> None:
    model = load_image_model(run_dir)
    assert isinstance(model, CaptionModel)
    images = model.paint(CAPTIONS, seed=3)
    own = drawing_model(game, STEERING)
    assert own.writer is not None
    rows = own.writer.rows(CAPTIONS)
    with torch.no_grad():
        by_hand = own(own.latents_of_captions(rows, torch.Generator().manual_seed(3)))
    torch.testing.assert_close(images, by_hand)
    assert model.images(2, condition="coat=ginger").shape == (2, 3, 16, 16)
    assert model.draw_painted(CAPTIONS, 2, run_dir / "grid.png").is_file()
    with pytest.raises(
        UsageError, match=r"condition_noise is 0\.5, but .* no noise in its conditions"
    ):
        model.paint(CAPTIONS, condition_noise=0.5)


@pytest.mark.parametrize(
    ("caption", "message"),
    [
        ("a blak cat", "unknown word 'blak'. Did you mean 'black'"),
        (" ", "nothing to paint"),
        ("cat " * 60, "has 60 words; the model reads"),
    ],
)
def test_bad_captions_are_one_sentence(
    caption: str, message: str, run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [caption] if caption.strip() else []
    assert main(["paint", str(run_dir), *words]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_a_model_without_a_reader_of_captions_is_damaged(run_dir: Path) -> None:
    model = load_image_model(run_dir)
    parts = {name: part for name, part in model.parts.items() if name != "caption_writer"}  # type: ignore[union-attr]
    bare = CaptionModel(run_dir, parts, ("paint",))
    with pytest.raises(CheckpointError, match="no part that reads captions"):
        bare.paint(CAPTIONS)


def test_the_table_compares_chains_with_chance(
    game: PPGNGame, told: CaptionedImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows, and what they must have: real images and chance have the same images and other captions."""
    monkeypatch.setattr(caption_steering, "_SAME", 2)
    settings = SteeringSettings(steered_captions=4, rejected_images=10, scoring_steps=6)
    scorer = steering_scorer(told.corpus, told, STEERING, settings)
    table = scorer.record("title", {"PPGN": game}, seed=0)
    rows = {row["name"]: row["values"] for row in table["rows"]}
    drawn = {"PPGN-h", "noiseless joint PPGN-h", "no prior", UNTOLD, "rejection"}
    assert set(rows) == {"real images", CHANCE, "G of real features", *drawn}
    assert all({"facts", "whole", "nll"} <= values.keys() for values in rows.values())
    assert all(rows[name]["caption_diversity"] >= 0 for name in drawn)
    assert [column["key"] for column in table["columns"]] == [
        "facts", "whole", "nll", "caption_diversity", "milliseconds",
    ]  # fmt: skip
    captions, images = told.examples(4)
    model = drawing_model(game, STEERING)
    with torch.no_grad():
        others = model.described(images, told.rows([*captions[1:], captions[0]]))
    assert rows[CHANCE]["nll"] == pytest.approx(-others.mean().item(), rel=1e-3)
    assert scorer(game, torch.Generator().manual_seed(0))["test_caption_nll"] > 0
