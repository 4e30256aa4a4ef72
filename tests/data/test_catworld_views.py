"""Views of the cat world: exact pairs, in which an edit moves nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seqgan_kit.data.catworld import CatWorld
from seqgan_kit.data.catworld.build import BUNDLED_SEED
from seqgan_kit.data.catworld.drawing.draw_scene import draw, draw_moment
from seqgan_kit.data.catworld.drawing.moment import Moment
from seqgan_kit.data.catworld.scenes.scene import BACKGROUNDS, Cat, Scene
from seqgan_kit.data.catworld.views import part_maps
from seqgan_kit.data.catworld.views.edits import EDITABLE, edited, may_change
from seqgan_kit.data.catworld.views.world_views import (
    VIEWS,
    draw_views,
    hand_of,
    scene_of_face,
)
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.data.images.load_images import load_images
from seqgan_kit.errors import UsageError

CAT = Cat("ginger", "tabby", "pointed", "green", "blue", "open", "happy", "nothing")
SCENE = Scene((CAT,), "meadow", "straight", "medium")
FACES = Path(__file__).resolve().parents[2] / "data" / "catworld"


def moment_of(scene: Scene, seed: int = 0) -> Moment:
    return Moment.sampled(scene, np.random.default_rng(seed))


@pytest.mark.parametrize("number", range(12))
def test_a_scene_at_its_moment_is_the_same_image_and_the_chance_goes_on_alike(number: int) -> None:
    one, two = (np.random.default_rng((7, number)) for _ in range(2))
    scene = CatWorld().law.sample(one)
    CatWorld().law.sample(two)
    moment = Moment.sampled(scene, one)
    assert np.array_equal(draw_moment(scene, moment, 32), draw(scene, 32, two))
    assert np.array_equal(draw_moment(scene, moment, 32), draw_moment(scene, moment, 32))
    assert one.random() == two.random()


def test_bundled_faces_redraw_from_their_numbers() -> None:
    faces = load_images(ImageData()).train
    for number in (0, 1, 499, 2999):
        shown = draw_moment(*scene_of_face(BUNDLED_SEED, 1, number), 32)
        stored = faces[number].permute(1, 2, 0).numpy()
        assert np.array_equal(shown >> 2, stored >> 2), "the bundled faces keep six bits"


@pytest.mark.parametrize("attribute", EDITABLE)
def test_an_edit_changes_its_pixels_and_no_others(attribute: str) -> None:
    moment = moment_of(SCENE)
    original, mask = draw_moment(SCENE, moment, 48), may_change(SCENE, moment, attribute, 48)
    assert mask.any()
    for value in EDITABLE[attribute]:
        after = draw_moment(*edited(SCENE, moment, attribute, value), 48)
        assert np.array_equal(after[~mask], original[~mask])
    places = mask.mean()
    if attribute in ("left_eye", "right_eye", "accessory", "age"):
        assert places < 0.5


def test_an_edit_does_not_move_the_cat() -> None:
    """A hat or tufted ears take room when a scene is drawn afresh; an edit leaves the head where it is."""
    moment = moment_of(SCENE)
    for attribute, value in (("accessory", "hat"), ("accessory", "scarf"), ("ears", "tufted")):
        scene, at = edited(SCENE, moment, attribute, value)
        eyes = part_maps.PARTS.index("eyes")
        before, after = (
            part_maps.part_map(s, m, 64) == eyes for s, m in ((SCENE, moment), (scene, at))
        )
        assert np.array_equal(before, after)
        fresh = Moment.sampled(scene, np.random.default_rng(0))
        assert fresh.cats[0].y != at.cats[0].y


def test_another_background_leaves_cats_and_light_alone() -> None:
    """Places take different numbers of random numbers; cats and light take theirs elsewhere."""
    moment, parts = moment_of(SCENE), []
    for place in BACKGROUNDS:
        scene, at = edited(SCENE, moment, "background", place)
        shown = part_maps.part_map(scene, at, 48)
        parts.append(np.where(shown < len(BACKGROUNDS), 0, shown))
        cat = shown >= len(BACKGROUNDS)
        if place != "night":
            inner = (
                cat
                & np.roll(cat, 2, 0)
                & np.roll(cat, -2, 0)
                & np.roll(cat, 2, 1)
                & np.roll(cat, -2, 1)
            )
            assert np.array_equal(
                draw_moment(scene, at, 48)[inner], draw_moment(SCENE, moment, 48)[inner]
            )
    assert all(np.array_equal(parts[0], other) for other in parts)


def test_parts_lie_where_they_are_painted() -> None:
    scene = replace(SCENE, cats=(replace(CAT, accessory="hat"),))
    parts = part_maps.part_map(scene, moment_of(scene), 64)
    rows = {name: np.nonzero(parts == number)[0].mean() for number, name in enumerate(part_maps.PARTS)
            if (parts == number).any()}  # fmt: skip
    assert rows.keys() == {"meadow", "body", "head", "muzzle", "eyes", "headwear"}
    assert rows["headwear"] < rows["eyes"] < rows["muzzle"] < rows["body"]


def test_ages_differ_as_they_should() -> None:
    """A kitten's eyes cover more, an old cat's fewer pixels; its muzzle is greyer than a ginger adult's."""
    moment, eyes = moment_of(SCENE), {}
    saturation = {}
    for age in ("kitten", "adult", "old"):
        scene, at = edited(SCENE, moment, "age", age)
        parts = part_maps.part_map(scene, at, 96)
        eyes[age] = int((parts == part_maps.PARTS.index("eyes")).sum())
        muzzle = draw_moment(scene, at, 96)[parts == part_maps.PARTS.index("muzzle")].astype(int)
        saturation[age] = float((muzzle.max(1) - muzzle.min(1)).mean())
    assert eyes["kitten"] > eyes["adult"] > eyes["old"]
    assert saturation["old"] < saturation["adult"]


@pytest.mark.parametrize("name", [*VIEWS, "coat=ginger", "age=kitten", "background=night"])
def test_pairs_show_one_moment(name: str) -> None:
    shown = scene_of_face(1, 1, 3)
    pair = draw_views(name, *shown, 32)
    assert pair.source.shape == pair.target.shape == (32, 32, 3)
    assert np.array_equal(pair.source[~pair.mask], pair.target[~pair.mask])
    again = draw_views(name, *shown, 32)
    assert np.array_equal(pair.target, again.target)
    if name in ("parts", "outline", "unlit"):
        assert np.array_equal(pair.target, draw_moment(*shown, 32))


def test_a_hand_covers_its_mask_and_leaves_the_scene_alone() -> None:
    """The same scenes are drawn as without the view; most of a mask's inner pixels change, no outer ones."""
    shares = []
    for number in range(20):
        shown = scene_of_face(1, 1, number)
        pair = draw_views("hand", *shown, 48)
        differs = (pair.source != pair.target).any(2)
        assert np.array_equal(pair.target, draw_moment(*shown, 48))
        assert not differs[~pair.mask].any()
        assert differs[pair.mask].mean() > 0.8
        shares.append(pair.mask.mean())
    assert 0.1 < np.mean(shares) < 0.3
    assert len({hand_of(scene_of_face(1, 1, n)[1]).x for n in range(20)}) == 20


def test_a_hand_reaches_out_of_the_image() -> None:
    """Its arm begins at the border, so that no arm floats before the face."""
    for number in range(20):
        mask = draw_views("hand", *scene_of_face(2, 1, number), 32).mask
        assert np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]]).any()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("part", "unknown view of the cat world 'part'"),
        ("coat=gingr", "unknown coat 'gingr'"),
        ("cats=two", "unknown view of the cat world 'cats=two'"),
    ],
)
def test_unknown_views_are_named(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        draw_views(name, *scene_of_face(1, 1, 3), 32)


def test_outlines_are_dark_on_white() -> None:
    drawn = part_maps.outline_image(SCENE, moment_of(SCENE), 64)
    assert set(np.unique(drawn)) == {0, 255}
    assert 0.02 < (drawn == 0).mean() < 0.3
    assert Image.fromarray(drawn).size == (64, 64)
