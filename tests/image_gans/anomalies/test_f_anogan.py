"""f-AnoGAN's losses and scores by hand on linear networks, and the detectors beside it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import seqgan_kit as sk
from image_gans.evaluation.anomalies.detection_scores import DetectionScorer, pixel_area
from image_gans.evaluation.anomalies.detectors import AnomalyScores, detected
from image_gans.evaluation.anomalies.latent_search import LAMBDA, search
from image_gans.evaluation.anomalies.simple_detectors import simple_rebuilders
from image_gans.evaluation.image_export import load_image_model
from image_gans.methods.anomalies.f_anogan import FAnoGANMethod, build
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.translators.anomaly_players import build_anomaly_players
from seqgan_kit.cli.main import main
from seqgan_kit.data.images.anomaly_sets import AnomalyData, load_anomaly_sets
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.pixels import to_float, to_uint8
from seqgan_kit.errors import CheckpointError, UsageError

DATA = ImageData(size=16)
CHOICE = NetworkChoice(width=4, latent=3, discriminator_norm="layer")


@pytest.fixture
def game():
    torch.manual_seed(0)
    made = build(*build_anomaly_players(CHOICE, DATA), FAnoGANMethod(kappa=0.5))
    with torch.no_grad():  # away from DCGAN's tiny initial weights
        for parameter in made.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return made


@pytest.fixture
def x():
    return torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_the_encoders_loss_is_the_mean_score(game, x):
    """Both are 1/n |x - G(E(x))|^2 + kappa 1/n_f |f(x) - f(G(E(x)))|^2."""
    game.players["encoder"].eval()
    loss = game.encoder_loss({"real": x}, SimpleNamespace())
    game.eval()
    rebuilt = game.generator(game.players["encoder"](x))
    f = game.discriminator.trunk
    by_hand = ((x - rebuilt) ** 2).mean((1, 2, 3)) + 0.5 * ((f(x) - f(rebuilt)) ** 2).mean(1)
    found = game.detect(x)
    torch.testing.assert_close(found.scores, by_hand.detach())
    assert loss.total.item() == pytest.approx(by_hand.mean().item(), rel=1e-5)
    torch.testing.assert_close(found.pixels, (x - rebuilt).abs().mean(1, keepdim=True).detach())


def test_only_the_encoder_gets_a_gradient_that_passes_g_and_d_at_rest(game, x):
    """G's batch norm uses its running statistics, so a row's reconstruction ignores the others."""
    statistics = {k: v.clone() for k, v in game.generator.state_dict().items()}
    loss = game.encoder_loss({"real": x}, SimpleNamespace()).total
    gradients = torch.autograd.grad(loss, list(game.players["encoder"].parameters()))
    assert all(g.abs().sum() > 0 for g in gradients[-2:])
    for name, value in game.generator.state_dict().items():
        assert torch.equal(value, statistics[name])
    assert game.generator.training
    alone = game.detect(x[:1]).scores
    torch.testing.assert_close(alone, game.detect(x).scores[:1])


def test_codes_lie_in_the_open_unit_cube(game, x):
    codes = game.players["encoder"].eval()(100 * x)
    assert codes.shape == (5, 3)
    assert codes.abs().max() <= 1


def test_the_vaes_bound_is_its_loss_at_the_mean(game, x):
    with torch.no_grad():  # a posterior without spread: draws are the mean
        head = game.players["baseline_encoder"].head
        head.weight[3:] = 0
        head.bias[3:] = -40
    game.eval()
    found, bound = game.baseline_detect(x)
    move = SimpleNamespace(rng=torch.Generator().manual_seed(0))
    loss = game.baseline_loss({"real": x}, move).total
    assert bound.mean().item() == pytest.approx(loss.item(), rel=1e-3)
    torch.testing.assert_close(found.scores, ((x - found.rebuilt) ** 2).mean((1, 2, 3)))


def test_the_search_finds_an_image_that_the_generator_can_make():
    """With G and f linear, a reachable image gets a score near 0 and an offset its own size."""
    torch.manual_seed(0)
    basis = torch.randn(2, 12)

    def generate(z):
        return (z @ basis).view(-1, 3, 2, 2)

    def features(images):
        return 2 * images.flatten(1)

    reachable = generate(torch.tensor([[0.3, -0.2]]))
    x = torch.cat([reachable, reachable + 5])
    scores, found = search(generate, features, x, torch.zeros(2, 2), moves=400)
    assert scores[0] < 0.05
    assert (found[0] - reachable[0]).abs().max() < 0.01
    residual = (x - found).abs().flatten(1).sum(1)
    torch.testing.assert_close(scores, (1 - LAMBDA) * residual + LAMBDA * 2 * residual)
    assert scores[1] > 10


def test_simple_detectors_by_hand():
    train = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 4]]).view(3, 3, 1, 1)
    x = torch.tensor([[0.9, 0.2, 0], [0, 0, 3.0]]).view(2, 3, 1, 1)
    rebuilt = {name: act(x).flatten(1) for name, act in simple_rebuilders(train, 2).items()}
    assert rebuilt["nearest training image"].tolist() == [[1, 0, 0], [0, 0, 4]]
    mean = torch.tensor([1 / 3, 1 / 3, 4 / 3])
    torch.testing.assert_close(rebuilt["mean of the training images"], mean.expand(2, 3))
    # Two components about the mean span the plane of the three images.
    kept = simple_rebuilders(train, 2)["2 principal components"](train)
    torch.testing.assert_close(kept, train, atol=1e-4, rtol=0)


def test_pixel_areas_are_means_over_images():
    pixels = torch.tensor([[3.0, 1, 2, 0], [0, 1, 2, 3], [1, 1, 1, 1]]).view(3, 1, 2, 2)
    masks = torch.tensor([[1, 0, 0, 0], [1, 0, 0, 1], [0, 0, 0, 0]]).view(3, 1, 2, 2).bool()
    found = pixel_area(AnomalyScores(torch.zeros(3), pixels), masks)
    assert found.value == pytest.approx((1 + 0.5) / 2)
    assert found.standard_error == pytest.approx(0.25)


@pytest.fixture
def scorer():
    return DetectionScorer(load_anomaly_sets(DATA, AnomalyData(world_faces=8, test_faces=4)))


def test_the_saved_model_gives_the_games_scores(game, x, scorer, tmp_path):
    scorer.check(game)
    scorer.export(game, tmp_path / "model", {})
    model = load_image_model(tmp_path)
    scores, pixels = model.detect(x)
    found = detected(game.eval(), x)
    torch.testing.assert_close(scores, found.scores)
    torch.testing.assert_close(pixels, found.pixels)
    torch.testing.assert_close(model.rebuild(x), game.detect(x).rebuilt)
    shown = to_uint8(x).permute(0, 2, 3, 1).numpy()
    of_face = sk.load(tmp_path).detect(shown)
    assert of_face == pytest.approx(model.detect(to_float(to_uint8(x)))[0].numpy(), abs=1e-6)


def test_files_are_ranked_and_strips_are_written(game, scorer, tmp_path):
    scorer.export(game, tmp_path / "model", {})
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for i in range(70):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(photos / f"{i}.png")
    (photos / "broken.png").write_text("no image")
    model = load_image_model(tmp_path)
    found = model.detect_files(photos, 3, tmp_path / "strips")
    assert (found.read.written, len(found.read.skipped)) == (70, 1)
    every = model.detect_files(photos, 100)
    assert found.top == every.top[:3]
    assert [x.score for x in every.top] == sorted((x.score for x in every.top), reverse=True)
    assert len(every.top) == len({x.name for x in every.top}) == 70
    with Image.open(tmp_path / "strips" / "0.png") as strip:
        assert strip.size == (48, 16)
    with pytest.raises(UsageError, match="would overwrite the images"):
        model.detect_files(photos, 3, photos)
    text = (tmp_path / "model" / "model.json").read_text()
    (tmp_path / "model" / "model.json").write_text(text.replace('"kappa": 0.5', '"kappa": -1'))
    with pytest.raises(CheckpointError, match="kappa is -1, not a number of 0 or more"):
        load_image_model(tmp_path)


def test_the_command_prints_the_ranking(game, scorer, tmp_path, capsys):
    scorer.export(game, tmp_path / "run" / "model", {})
    Image.new("RGB", (16, 16), (9, 90, 60)).save(tmp_path / "a.png")
    run, image = str(tmp_path / "run"), str(tmp_path / "a.png")
    assert main(["detect", run, "--images", image, "--out", str(tmp_path / "strips")]) == 0
    head, row, wrote = capsys.readouterr().out.splitlines()
    assert (head.split(), row.split()[1]) == (["score", "image"], "a.png")
    assert wrote == f"wrote 1 images to {tmp_path / 'strips'}"
    for words, message in (
        ([image], "give --images DIR, and no FILE"),
        ([image, "--images", image], "give --images DIR, and no FILE"),
        (["--images", image, "--json"], "are for lines of text: leave them out"),
    ):
        assert main(["detect", run, *words]) == 2
        assert message in capsys.readouterr().err


def test_networks_without_an_encoder_are_refused():
    with pytest.raises(UsageError, match="--network modern: an encoder into the latent space"):
        build_anomaly_players(NetworkChoice("modern", width=4), DATA)
    with pytest.raises(UsageError, match="gradient_penalty needs a discriminator without batch"):
        build(*build_anomaly_players(NetworkChoice(width=4), DATA), FAnoGANMethod())
