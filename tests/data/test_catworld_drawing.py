"""Pictures of the cat world: shape, determinism, jitter, and that the picture tells the scene.

"Tells" is tested by the simplest classifier there is, linear ridge regression on the raw 32-pixel
values fitted on at most 500 pictures: what it can read, a network can. Attributes are drawn
uniformly and independently, so chance is one over the number of values. Held-out accuracies seen
(chance): in any picture, background 1.00 (.17), size .94 (.33), tilt .89 (.33), accessory .83 (.17),
coat .79 (.17), number of cats .87 (.33); in upright ones of medium size, the colour of the right
and left eye where open .98 and .95 (.25), coat, ears and accessory .95 (.17, .33, .17), eyes .90
(.33), expression .87 (.25), pattern .69 to .91 by coat (.25). The bounds leave some points of room.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from seqgan_kit.data.catworld.drawing.draw_scene import draw
from seqgan_kit.data.catworld.scenes.scene import CAT_COUNTS, LABEL_NAMES, Cat, Scene
from seqgan_kit.errors import UsageError

CAT = Cat("ginger", "tabby", "pointed", "green", "blue", "open", "happy", "collar")
SCENE = Scene((CAT,), "meadow", "straight", "medium")
Pictures = tuple[np.ndarray, list[Scene]]


def uniform_scene(rng: np.random.Generator, cats: int = 1) -> Scene:
    """A scene whose attributes are uniform and independent, but that all its cats share a coat."""

    def any_of(column: str) -> str:
        return str(rng.choice(LABEL_NAMES[column]))

    coat, pattern = any_of("coat"), any_of("pattern")
    rest = ("ears", "left_eye", "right_eye", "eyes", "expression", "accessory")
    litter = tuple(Cat(coat, pattern, *(any_of(column) for column in rest)) for _ in range(cats))
    return Scene(litter, any_of("background"), any_of("tilt"), any_of("size"))


def drawn(scenes: list[Scene], rng: np.random.Generator) -> Pictures:
    pictures = np.stack([draw(scene, 32, rng) for scene in scenes])
    return pictures.reshape(len(scenes), -1) / 255.0, scenes


@lru_cache(maxsize=1)
def free_pictures() -> Pictures:
    """420 single cats, everything at random."""
    rng = np.random.default_rng(1)
    return drawn([uniform_scene(rng) for _ in range(420)], rng)


@lru_cache(maxsize=1)
def portraits() -> Pictures:
    """750 single cats, upright and of medium size, so that a linear reader finds their features."""
    rng = np.random.default_rng(2)
    scenes = [uniform_scene(rng) for _ in range(750)]
    return drawn([replace(scene, tilt="straight", size="medium") for scene in scenes], rng)


def accuracy_of_ridge(
    pictures: np.ndarray, labels: np.ndarray, values: int, ridge: float = 10.0
) -> float:
    """Held-out accuracy of one-hot ridge regression (dual form), two thirds being for fitting."""
    fit = 2 * len(pictures) // 3
    x, held_out = pictures[:fit] - pictures[:fit].mean(0), pictures[fit:] - pictures[:fit].mean(0)
    y = np.eye(values)[labels[:fit]]
    weights = np.linalg.solve(x @ x.T + ridge * np.eye(fit), y - y.mean(0))
    guesses = (held_out @ x.T @ weights + y.mean(0)).argmax(1)
    return float((guesses == labels[fit:]).mean())


def accuracy(pictures: np.ndarray, scenes: list[Scene], column: str) -> float:
    labels = np.array([scene.labels()[column] for scene in scenes])
    return accuracy_of_ridge(pictures, labels, len(LABEL_NAMES[column]))


@pytest.mark.parametrize("size", [16, 32, 48, 64, 100, 128, 256])
def test_a_picture_is_rgb_bytes_and_uses_the_range(size: int) -> None:
    picture = draw(SCENE, size, np.random.default_rng(0))
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8
    assert picture.min() < 60
    assert picture.max() > 200


@pytest.mark.parametrize("size", [-1, 0, 15, 257])
def test_other_sizes_are_refused_with_the_range(size: int) -> None:
    with pytest.raises(UsageError, match=rf"{size} pixels.*16 to 256"):
        draw(SCENE, size, np.random.default_rng(0))


def test_the_same_seed_gives_the_same_picture() -> None:
    rng = np.random.default_rng(3)
    for scene in (uniform_scene(rng, cats) for cats in (1, 2, 3)):
        one, two = (draw(scene, 32, np.random.default_rng(5)) for _ in range(2))
        assert np.array_equal(one, two)


def test_no_two_pictures_of_a_scene_are_equal() -> None:
    rng = np.random.default_rng(4)
    pictures = [draw(SCENE, 32, rng) for _ in range(50)]
    assert len({picture.tobytes() for picture in pictures}) == 50
    # Jitter must not be so strong that it hides the scene: most of a picture is as in the others.
    spread = np.stack(pictures).astype(float).std(axis=0).mean()
    assert 3 < spread < 40


def test_drawing_larger_shows_the_same_scene() -> None:
    """The jitter is in shares of the picture, so a seed's picture is the same at every size."""
    small, large = (draw(SCENE, size, np.random.default_rng(6)) for size in (32, 128))
    reduced = large.reshape(32, 4, 32, 4, 3).mean(axis=(1, 3))
    assert np.abs(reduced - small).mean() < 8


def test_black_and_white_cats_are_nearly_grey_and_far_apart() -> None:
    """Forehead pixels: no hue to speak of, and dark or bright."""
    for coat, low, high in (("black", 20, 80), ("white", 200, 256)):
        cat = replace(CAT, coat=coat, pattern="plain")
        picture = draw(replace(SCENE, cats=(cat,)), 64, np.random.default_rng(7)).astype(int)
        forehead = picture[24:27, 28:36].reshape(-1, 3)
        assert low <= forehead.mean() < high
        assert np.ptp(forehead.mean(0)) < 20


@pytest.mark.parametrize(
    ("column", "at_least"),
    [("coat", 0.7), ("background", 0.95), ("tilt", 0.8), ("size", 0.8), ("accessory", 0.7)],
)
def test_a_linear_reader_finds_it_in_any_picture(column: str, at_least: float) -> None:
    assert accuracy(*free_pictures(), column) >= at_least


@pytest.mark.parametrize(
    ("column", "at_least"),
    [("coat", 0.9), ("ears", 0.88), ("eyes", 0.85), ("expression", 0.8), ("accessory", 0.9)],
)
def test_a_linear_reader_finds_it_in_portraits(column: str, at_least: float) -> None:
    assert accuracy(*portraits(), column) >= at_least


@pytest.mark.parametrize("coat", LABEL_NAMES["coat"])
def test_the_pattern_shows_on_every_coat(coat: str) -> None:
    """Chance 0.25; per coat, as a stripe is darker than ginger but paler than black."""
    pictures, scenes = portraits()
    chosen = [i for i, scene in enumerate(scenes) if scene.cats[0].coat == coat]
    found = accuracy(pictures[chosen], [scenes[i] for i in chosen], "pattern")
    assert found >= 0.6


@pytest.mark.parametrize("column", ["left_eye", "right_eye"])
def test_the_colour_of_an_open_eye_shows(column: str) -> None:
    """Chance 0.25; the two colours are independent here, so each is read from its own eye."""
    states = ("open",) if column == "left_eye" else ("open", "winking")
    pictures, scenes = portraits()
    chosen = [i for i, scene in enumerate(scenes) if scene.cats[0].eyes in states]
    assert accuracy(pictures[chosen], [scenes[i] for i in chosen], column) >= 0.9


def test_odd_eyes_differ_where_the_eyes_are() -> None:
    """A blue left and an amber right eye: the left is bluer, and the mirror image is not."""
    cat = replace(CAT, left_eye="blue", right_eye="amber", accessory="nothing", expression="calm")
    odd = replace(SCENE, cats=(cat,))
    even = replace(SCENE, cats=(replace(cat, right_eye="blue"),))
    for seed in range(10):
        picture = draw(odd, 64, np.random.default_rng(seed)).astype(int)
        blueness = (picture[28:42, :, 2] - picture[28:42, :, 0]).clip(50) - 50
        assert blueness[:, 18:32].sum() > 20 * (1 + blueness[:, 34:48].sum())
        same = draw(even, 64, np.random.default_rng(seed)).astype(int)
        blueness = (same[28:42, :, 2] - same[28:42, :, 0]).clip(50) - 50
        assert blueness[:, 18:32].sum() < 2 * blueness[:, 34:48].sum()


def test_a_wink_shuts_the_eye_on_the_left_of_the_picture() -> None:
    plain = replace(CAT, left_eye="green", right_eye="green", accessory="nothing", pattern="plain")
    for eyes, left_open, right_open in (
        ("open", True, True),
        ("shut", False, False),
        ("winking", False, True),
    ):
        scene = Scene((replace(plain, eyes=eyes),), "plain", "straight", "medium")
        picture = draw(scene, 64, np.random.default_rng(9)).astype(int)
        green = (picture[..., 1] - picture[..., 0]) > 40
        assert (green[:, :32].sum() > 20, green[:, 32:].sum() > 20) == (left_open, right_open)


def test_a_cat_tilted_to_the_left_has_its_left_ear_lower() -> None:
    """Turned towards the left edge, the left ear sinks and the right one rises."""
    cat = replace(CAT, coat="black", pattern="plain", accessory="nothing")
    sunk = {}
    for tilt in ("left", "straight", "right"):
        scene = Scene((cat,), "plain", tilt, "medium")
        dark = draw(scene, 64, np.random.default_rng(10)).max(axis=-1) < 120
        left_top, right_top = (np.nonzero(half.any(axis=1))[0][0] for half in np.hsplit(dark, 2))
        sunk[tilt] = int(left_top) - int(right_top)
    assert sunk["left"] > 4
    assert abs(sunk["straight"]) < 4
    assert sunk["right"] < -4


def test_the_number_of_cats_shows() -> None:
    rng = np.random.default_rng(8)
    scenes = [uniform_scene(rng, 1 + i % len(CAT_COUNTS)) for i in range(180)]
    assert accuracy(*drawn(scenes, rng), "cats") >= 0.75
