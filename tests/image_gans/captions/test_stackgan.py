"""StackGAN's losses in closed form, and the contract of conditions that travel in samples."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from image_gans.methods.captions.stackgan import CaptionGame, StackGANMethod, build, matching
from image_gans.networks.captions.caption_discriminator import (
    CaptionJudgeShape,
    build_caption_discriminator,
    with_vectors,
    without_vectors,
)
from image_gans.networks.captions.caption_encoder import CaptionEncoderShape
from image_gans.networks.captions.caption_painter import ConditioningAugmentation
from image_gans.networks.captions.caption_players import build_caption_players
from image_gans.networks.captions.caption_refiner import (
    CaptionRefiner,
    CaptionRefinerConfig,
    RefinementShape,
    paint_vectors,
)
from image_gans.networks.choice import NetworkChoice
from seqgan_kit.core.game import Move
from seqgan_kit.data.images.captioned import captioned
from seqgan_kit.data.images.corruptions import averaged
from seqgan_kit.data.images.image_account import ImageAccount
from seqgan_kit.data.images.image_corpus import ImageCorpus
from seqgan_kit.data.images.load_images import ImageData
from seqgan_kit.errors import DataError, UsageError

CAPTIONS = ["a black cat sits .", "A white cat sleeps", "two cats", "a cat, grumpy"]
SHAPE = CaptionEncoderShape(features=6, hidden=3, embedding=4, condition=2)
CHOICE = NetworkChoice(width=2, latent=3, discriminator_norm="spectral")


def images(captions: list[str] | None = None, size: int = 16) -> ImageCorpus:
    pixels = torch.randint(0, 256, (4, 3, size, size), generator=torch.Generator().manual_seed(0))
    return ImageCorpus(
        train=pixels.to(torch.uint8), test=pixels[:0].to(torch.uint8), train_labels={},
        test_labels={}, label_names={}, train_captions=CAPTIONS if captions is None else captions,
        test_captions=[], account=ImageAccount(size, 3, {}, {}),
    )  # fmt: skip


def game(factor: int = 1, **method: object) -> tuple[CaptionGame, dict[str, Tensor]]:
    torch.manual_seed(0)
    told = captioned(images(size=16 * factor))
    refinement = RefinementShape(factor, width=2, blocks=1, halvings=0)
    choice = ImageData(size=16 * factor)
    judge = CaptionJudgeShape(3, 4)
    players = build_caption_players(CHOICE, choice, told, SHAPE, judge, refinement)
    played = build(told, players, StackGANMethod(**method))  # type: ignore[arg-type]
    return played, told.feed(4, seed=0).next_batch()


def move() -> Move:
    return Move("adversarial", 0, 1, torch.Generator().manual_seed(1))


def test_captions_become_rows_of_known_words() -> None:
    told = captioned(images())
    assert told.words[:2] == ("a", "cat")  # by their number, then in the order of code points
    assert told.length == 6  # five words and the end
    rows = told.rows(["a BLACK cat sits .", "a cat a cat a cat a cat", "a zebra"])
    assert (rows == 2).sum(1).tolist() == [1, 1, 1]
    assert rows[1].tolist()[-1] == 2  # a longer caption is cut and still ends
    assert rows[2].tolist()[1] == 3


def test_images_without_captions_are_refused() -> None:
    with pytest.raises(DataError, match="have no captions"):
        captioned(images([]))
    with pytest.raises(DataError, match="1 of 4 training captions are empty"):
        captioned(images([*CAPTIONS[:3], " "]))


@pytest.mark.parametrize("features", [6, 256, 300])
def test_a_sample_carries_its_vector(features: int) -> None:
    pictures, vectors = torch.randn(2, 3, 16, 16), torch.randn(2, features)
    laid = with_vectors(pictures, vectors)
    assert laid.shape == (2, 3 + math.ceil(features / 256), 16, 16)
    for part, whole in zip(without_vectors(laid, 3, features), (pictures, vectors), strict=True):
        assert torch.equal(part, whole)


def test_matching_is_the_cross_entropy_of_cosines() -> None:
    """Orthogonal pairs of squared norm F: logits are 1/tau on the diagonal and 0 elsewhere."""
    vectors = math.sqrt(3) * torch.eye(3, dtype=torch.float64)
    loss = matching(vectors, vectors, temperature=0.5)
    assert loss.total.item() == pytest.approx(math.log(1 + 2 * math.exp(-2)))
    assert loss.logs["matching_accuracy"] == 1
    swapped = matching(vectors, vectors[[1, 0, 2]], temperature=0.5)
    assert swapped.total.item() == pytest.approx(math.log(1 + 2 * math.exp(-2)) + 2 * 2 / 3)


@pytest.mark.parametrize("mismatched", [True, False])
def test_the_discriminator_rejects_fakes_and_mismatched_pairs_half_each(mismatched: bool) -> None:
    played, batch = game(mismatched=mismatched)
    played.eval()
    vectors = played.told(batch["caption"])
    fake = played.draw(4, batch, move().rng)
    loss = played.discriminator_loss(batch, move())

    def score(pictures: Tensor, told: Tensor) -> Tensor:
        return played.discriminate(with_vectors(pictures, told)).score

    real = softplus(-score(batch["real"], vectors)).mean()
    wrong = [softplus(played.discriminate(fake).score).mean()]
    if mismatched:
        others = vectors[[3, 0, 1, 2]]  # image i with the caption of image i - 1
        wrong.append(softplus(score(batch["real"], others)).mean())
    assert torch.allclose(loss.total, real + torch.stack(wrong).mean(), atol=1e-5)


def test_the_generator_pays_for_the_divergence_of_its_conditions() -> None:
    played, batch = game(divergence_weight=3.0)
    played.eval()
    loss = played.generator_loss(batch, move())
    mean, log_variance = played.generator.augmentation.moments(played.told(batch["caption"]))
    divergence = (mean**2 + log_variance.exp() - 1 - log_variance).mean() / 2
    fooled = softplus(-played.discriminate(played.draw(4, batch, move().rng)).score).mean()
    assert torch.allclose(loss.total, fooled + 3 * divergence, atol=1e-5)
    loss.total.backward()
    assert played.generator.augmentation.moments_of.weight.grad.abs().sum() > 0
    assert all(p.grad is None for p in played.players["caption_encoder"].parameters())


def test_conditions_have_the_moments_of_their_caption() -> None:
    torch.manual_seed(0)
    augmentation = ConditioningAugmentation(4, 2)
    vectors = torch.randn(1, 4)
    mean, log_variance = augmentation.moments(vectors)
    drawn = augmentation(vectors.expand(20_000, -1), torch.randn(20_000, 2))
    assert torch.allclose(drawn.mean(0), mean[0], atol=0.03)
    assert torch.allclose(drawn.std(0), (log_variance[0] / 2).exp(), atol=0.03)


@pytest.mark.parametrize("name", ["discriminator", "generator"])
def test_stage_one_of_two_is_a_game_of_reduced_images(name: str) -> None:
    """Stage I's loss is that of one stage alone, by the same players, on images of half the size."""
    played, batch = game(factor=2)
    alone, _ = game()
    alone.players["generator"], alone.players["discriminator"] = (
        played.players["sketcher"], played.players["sketch_discriminator"],
    )  # fmt: skip
    alone.players["caption_encoder"] = played.players["caption_encoder"]
    played.eval(), alone.eval()
    small = {**batch, "real": averaged(batch["real"], 2)}
    loss = played.loss(f"sketch_{name}_loss", batch, move())
    assert loss.total.item() == pytest.approx(
        alone.loss(f"{name}_loss", small, move()).total.item()
    )


def test_stage_two_leaves_the_sketcher_alone_and_depends_on_its_sketch() -> None:
    played, batch = game(factor=2)
    played.generator_loss(batch, move()).total.backward()
    assert all(p.grad is None for p in played.players["sketcher"].parameters())
    assert any(p.grad is not None for p in played.generator.parameters())
    played.eval()
    vectors = played.told(batch["caption"])
    refiner, sketches = played.generator, torch.zeros(4, 3, 16, 16)
    assert isinstance(refiner, CaptionRefiner)
    images = refiner.refine(sketches, vectors, move().rng)
    assert images.shape == (4, 3, 32, 32)
    sketches[1] = 1.0
    changed = refiner.refine(sketches, vectors, move().rng) != images
    assert changed.flatten(1).any(1).tolist() == [False, True, False, False]


def test_a_residual_stage_two_begins_at_the_enlarged_sketch() -> None:
    """A sketch of one colour, enlarged, is that colour; black and white stay finite."""
    shape = RefinementShape(2, width=2, blocks=1, halvings=0, residual=True)
    refiner = CaptionRefiner(CaptionRefinerConfig(16, 3, 6, 2, shape))
    colours = torch.tensor([-0.9, 0.0, 0.5])[:, None, None, None].expand(3, 3, 16, 16)
    images = refiner.refine(colours, torch.randn(3, 6), move().rng)
    torch.testing.assert_close(images, colours[:, :, :1, :1].expand(3, 3, 32, 32))
    black = torch.full((2, 3, 16, 16), -1.0)
    drawn = refiner.refine(black, torch.randn(2, 6), move().rng)
    assert drawn.isfinite().all()
    assert (drawn < -0.99).all()


def test_an_image_follows_its_own_caption() -> None:
    """The same noise: equal captions give equal images, and only the changed caption's image changes."""
    played, batch = game()
    played.eval()
    rows = batch["caption"].clone()
    first = played.draw(4, {"caption": rows}, move().rng)
    rows[2] = rows[0]
    second = played.draw(4, {"caption": rows}, move().rng)
    assert (first != second).flatten(1).any(1).tolist() == [False, False, True, False]


@pytest.mark.parametrize("factor", [1, 2])
def test_without_condition_noise_images_depend_on_the_means(factor: int) -> None:
    """Any variance of the conditions then gives the same images, which it does not with noise."""
    played, batch = game(factor)
    played.eval()
    vectors = played.told(batch["caption"])

    def drawn(condition_noise: float) -> Tensor:
        return paint_vectors(played.players, vectors, move().rng, condition_noise)

    still, noisy = drawn(0.0), drawn(1.0)
    with torch.no_grad():
        for player in ("generator", *(["sketcher"] if factor == 2 else [])):
            played.players[player].augmentation.moments_of.bias[SHAPE.condition :] += 3.0
    assert torch.equal(drawn(0.0), still)
    assert (drawn(1.0) != noisy).flatten(1).any(1).all()


def test_a_discriminator_without_maps_is_refused() -> None:
    with pytest.raises(UsageError, match="only 'dcgan' has"):
        build_caption_discriminator(
            NetworkChoice("mlp"), ImageData(size=16), 4, CaptionJudgeShape()
        )


def test_a_caption_of_unknown_words_is_refused_by_name() -> None:
    played, _ = game()
    encoder = played.players["caption_encoder"]
    for caption, message in (
        ("a blak cat", "unknown word 'blak'. Did you mean 'black'"),
        (" ", "a caption is empty"),
        ("a cat a cat a cat", "has 6 words; the model reads 5"),
    ):
        with pytest.raises(UsageError, match=message):
            encoder.rows([caption], strict=True)  # type: ignore[operator]


def test_the_words_of_a_corpus_are_those_of_its_training_captions() -> None:
    assert captioned(images()).line() == ("captions: 4 with 11 different words, up to 5 words long")
