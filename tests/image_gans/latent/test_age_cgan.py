"""Age-cGAN: losses by hand, portraits and their twins, scores of known edits, and the saved model."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

import seqgan_kit as sk
from image_gans.evaluation.image_export import load_image_model
from image_gans.evaluation.image_parts import save_image_parts
from image_gans.evaluation.latent.edit_scores import EditScorer, EditSettings
from image_gans.evaluation.latent.edit_tasks import (
    labelled_for_edits,
    single,
    with_recognisable_labels,
)
from image_gans.methods.latent.age_cgan import AgeCGANMethod, build
from image_gans.networks.choice import NetworkChoice
from image_gans.networks.conditional import ConditionSettings
from image_gans.networks.labelled import apart, with_labels
from image_gans.networks.translators.image_encoder import CodeEncoder
from image_gans.networks.translators.labelled_choice import build_inverted_networks
from seqgan_kit.cli.main import main
from seqgan_kit.data.catworld.drawing.face import AGES
from seqgan_kit.data.images.age_sets import AgeData, load_age_sets
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.pixels import to_float, to_uint8
from seqgan_kit.errors import CheckpointError, DataError, UsageError
from seqgan_kit.explorer.image_request import UPLOAD_VERBS, made_of

DATA = ImageData(size=16)
SETTINGS = EditSettings(6, search_moves=3, evaluation_images=4, recogniser_steps=6)


@pytest.fixture(scope="module")
def sets():
    return with_recognisable_labels(load_age_sets(DATA, AgeData(40, 6)), "age")


@pytest.fixture
def game(sets):
    torch.manual_seed(0)
    labelled = labelled_for_edits(sets, "age")
    networks = build_inverted_networks(
        NetworkChoice(width=4, latent=3), DATA, labelled, ConditionSettings(("age",), embedding=0)
    )
    made = build(*networks, sets.corpus.label_names, AgeCGANMethod(recogniser_width=4))
    with torch.no_grad():  # away from DCGAN's tiny initial weights
        for parameter in made.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return made


@pytest.fixture
def batch(sets):
    corpus = sets.corpus
    rows = {name: values[:8] for name, values in corpus.train_labels.items()}
    return {"real": to_float(corpus.train[:8]), **rows}


def test_the_encoder_learns_the_codes_of_g_at_rest(game, batch):
    move = SimpleNamespace(rng=torch.Generator().manual_seed(5))
    statistics = {k: v.clone() for k, v in game.generator.state_dict().items()}
    game.players["encoder"].eval()
    loss = game.encoder_loss(batch, move)
    z = torch.randn(8, 3, generator=torch.Generator().manual_seed(5))
    game.generator.eval()
    told = F.one_hot(batch["age"], 3).float()
    drawn = game.generator(torch.cat([z, told], 1))
    by_hand = ((game.players["encoder"](drawn) - z) ** 2).sum(1).mean()
    torch.testing.assert_close(loss.total, by_hand)
    assert all(torch.equal(v, statistics[k]) for k, v in game.generator.state_dict().items())
    used = [*game.generator.parameters()]
    assert torch.autograd.grad(loss.total, used, allow_unused=True) == (None,) * len(used)


def test_mismatched_images_are_fakes(game, batch):
    """With weight w, D's loss gains w E[softplus(s(x, y'))] for real x and another class y'."""
    game.eval()
    plain = game.discriminator_loss(batch, SimpleNamespace(rng=torch.Generator().manual_seed(1)))
    game.mismatch_weight, judged = 0.5, []
    told = game.discriminator.register_forward_hook(
        lambda _, given, out: judged.append((given, out))
    )
    loss = game.discriminator_loss(batch, SimpleNamespace(rng=torch.Generator().manual_seed(1)))
    told.remove()
    (sample,), critique = judged[-1]
    images, labels = apart(sample, 1)
    assert torch.equal(images, batch["real"])
    assert (labels[:, 0] != batch["age"]).all()
    assert set(labels[:, 0].tolist()) <= {0, 1, 2}
    gain = 0.5 * F.softplus(critique.score).mean()
    torch.testing.assert_close(loss.total, plain.total + gain)


def test_projection_scores_the_age_by_an_inner_product(sets):
    """s(x, y) - s(x, y') = (v_y - v_y') . phi(x) for any image, so ages are told apart from the start."""
    labelled = labelled_for_edits(sets, "age")
    networks = build_inverted_networks(
        NetworkChoice(width=4, latent=3), DATA, labelled, ConditionSettings(("age",), embedding=0)
    )
    method = AgeCGANMethod(recogniser_width=4, judge="projection")
    discriminator = build(*networks, sets.corpus.label_names, method).eval().discriminator
    x = to_float(sets.corpus.train[:5])
    young, old = (discriminator(with_labels(x, torch.full((5, 1), age))).score for age in (0, 2))
    table = discriminator.score.embeddings[0].weight
    features = discriminator.trunk(x)
    torch.testing.assert_close(old - young, features @ (table[2] - table[0]))


def test_labels_that_do_not_show_do_not_count(game, batch):
    """A mean over labels of sums over known rows, divided by all rows."""
    game.eval()
    with torch.no_grad():
        logits = game.players["recogniser"](batch["real"])
    assert "odd_eyes" in logits
    assert (batch["left_eye"] == -1).any()
    total = 0.0
    for name, scores in logits.items():
        for row, label in zip(scores, batch[name], strict=True):
            total -= float(row.log_softmax(0)[label]) / 8 / len(logits) if label >= 0 else 0
    loss = game.recogniser_loss(batch, SimpleNamespace())
    assert loss.total.item() == pytest.approx(total, rel=1e-5)


def test_portraits_and_twins(sets):
    twins, corpus = sets.twins, sets.corpus
    ages = corpus.test_labels["age"]
    assert torch.equal(corpus.test, twins.images[torch.arange(6), ages])
    assert sorted(ages.tolist()) == [0, 0, 1, 1, 2, 2]
    differs = (twins.images != twins.images[:, :1]).any(1).any(1, keepdim=True)
    assert torch.equal(differs, twins.masks)
    assert (twins.masks.float().mean((1, 2, 3)) > 0.05).all()
    assert not twins.masks.all()
    assert set(corpus.train_labels["age"].tolist()) == {0, 1, 2}
    assert corpus.label_names["age"] == AGES
    assert "cats" not in corpus.label_names


def test_scores_of_known_edits(sets, game):
    conditions = game.conditions
    table = EditScorer(sets, conditions, SETTINGS).record("edits", {"Age-cGAN": game}, seed=0)
    rows = {row["name"]: row["values"] for row in table["rows"]}
    assert rows["twin"]["identified"] == 1
    assert rows["twin"]["psnr"] == 100
    assert rows["source, untouched"]["psnr_outside"] == 100
    assert rows["source, untouched"]["psnr_inside"] < 40
    assert rows["another cat's twin"]["identified"] == 0
    assert rows["another cat's twin"]["kept"] < rows["twin"]["kept"] or rows["twin"]["kept"] < 0.6
    assert rows["Age-cGAN, carried over"]["psnr"] > rows["Age-cGAN"]["psnr"]


def test_tasks_ask_for_every_other_class(sets, game):
    tasks = EditScorer(sets, game.conditions, SETTINGS).tasks
    assert len(tasks.asked) == 12
    assert (tasks.asked != tasks.classes[tasks.images]).all()
    right = sets.twins.images[3, tasks.asked[6]]
    assert int(tasks.images[6]) == 3
    assert torch.equal(to_uint8(tasks.truth()[6:7])[0], right)


def test_images_without_twins_are_scored_by_their_labels(sets, game):
    alone = replace(sets, twins=None)
    table = EditScorer(alone, game.conditions, SETTINGS).record("edits", {"Age-cGAN": game}, seed=0)
    assert [row["name"] for row in table["rows"]][:2] == ["source, untouched", "encoder alone"]
    assert {c["key"] for c in table["columns"]} == {"told", "kept", "milliseconds"}


def test_a_label_is_edited_in_the_classes_that_the_recogniser_names(sets):
    """Odd eyes are a label of their own here, and no class of ``eyes``."""
    labelled = labelled_for_edits(sets, "eyes")
    assert labelled.conditions.classes == (sets.corpus.label_names["eyes"],)
    assert labelled.rows.max() == 2
    with pytest.raises(UsageError, match="unknown label to condition on 'colour'"):
        labelled_for_edits(sets, "colour")


def test_labels_that_cannot_be_edited_end_in_a_sentence(sets):
    names = {"age": AGES}
    corpus = replace(
        sets.corpus, label_names=names,
        train_labels={"age": sets.corpus.train_labels["age"]},
        test_labels={"age": sets.corpus.test_labels["age"]},
    )  # fmt: skip
    with pytest.raises(DataError, match="no label but 'age'"):
        with_recognisable_labels(replace(sets, corpus=corpus), "age")
    with pytest.raises(UsageError, match=r"names 2 \(age, coat\): give one"):
        single(("age", "coat"))
    with pytest.raises(UsageError, match="leave --channels at 3"):
        load_age_sets(ImageData(channels=1), AgeData())


@pytest.fixture
def run_dir(sets, game, tmp_path):
    scorer = EditScorer(sets, game.conditions, SETTINGS)
    scorer.check(game)
    scorer.export(game, tmp_path / "run" / "model", {})
    return tmp_path / "run"


def test_a_saved_model_edits(run_dir, sets, game):
    """As the game's players do, in the age that is asked; a strip shows the image and all ages."""
    x = to_float(sets.corpus.test[:2])
    model = load_image_model(run_dir)
    game.eval()
    codes = model.editor.codes(x, torch.tensor([[0], [0]]), "identity", 5)
    with torch.no_grad():
        by_hand = game.generator(game.generator.join(codes, torch.tensor([[2], [2]])))
    torch.testing.assert_close(model.edit(x, "age=old", given="age=kitten", moves=5), by_hand)
    same = model.edit(x, "age=kitten", given="age=kitten", carry=True, moves=5)
    torch.testing.assert_close(same, x)
    pixels = to_uint8(x).permute(0, 2, 3, 1).numpy()
    strips = sk.load(run_dir).edit(pixels)
    assert strips.shape == (2, 16, 64, 3)
    assert np.array_equal(strips[:, :, :16], pixels)
    assert np.array_equal(sk.load(run_dir).edit(pixels, "old"), strips[:, :, 48:])


def test_parts_of_different_runs_end_in_a_sentence(run_dir, game):
    parts = {name: game.players[name] for name in ("generator", "encoder", "recogniser")}
    parts["encoder"] = CodeEncoder(replace(parts["encoder"].config, latent=5))
    save_image_parts(run_dir / "model", parts, ("edit", "rebuild", "sample"))
    with pytest.raises(CheckpointError, match="not of one latent space and one label"):
        load_image_model(run_dir)


def test_the_explorer_shows_an_upload_at_every_age(run_dir, tmp_path):
    Image.new("RGB", (20, 20), (90, 80, 70)).save(tmp_path / "cat.png")
    shown, strip = made_of(load_image_model(run_dir), "edit", tmp_path / "cat.png")
    assert "edit" in UPLOAD_VERBS
    assert strip.shape == (1, 3, 16, 4 * 16)
    assert torch.equal(strip[:, :, :, :16], shown)


def test_mistakes_of_the_command_end_in_a_sentence(run_dir, tmp_path, capsys):
    Image.new("RGB", (20, 20), (90, 80, 70)).save(tmp_path / "cat.png")
    words = [
        "edit",
        str(run_dir),
        "--images",
        str(tmp_path / "cat.png"),
        "--out",
        str(tmp_path / "o"),
    ]
    assert main([*words, "--condition", "age=ancient"]) == 2
    assert "unknown class of 'age' 'ancient'" in capsys.readouterr().err
    assert main([*words, "--condition", "age=old", "--carry"]) == 0
    assert (tmp_path / "o" / "cat.png").exists()
    assert main(["translate", *words[1:]]) == 2
    assert "cannot translate; it can edit and rebuild and sample" in capsys.readouterr().err
