"""The law of scenes: sums to one, is sampled as stated, has the entropy that it says."""

import itertools
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from seqgan_kit.data.catworld.scenes import scene as sc
from seqgan_kit.data.catworld.scenes.scene import LABEL_NAMES, Cat, Scene, SceneLaw, every_cat

LAW = SceneLaw()
CAT = Cat("black", "tabby", "folded", "green", "blue", "winking", "happy", "hat")


def first_two(weights: tuple[float, ...]) -> tuple[float, ...]:
    a, b = weights[:2]
    return (a / (a + b), b / (a + b), *(0.0 for _ in weights[2:]))


def narrow_law() -> SceneLaw:
    """Two values for every attribute of a cat, so that pairs of cats can be enumerated."""
    return replace(
        LAW,
        cats=(0.7, 0.3, 0.0),
        coat=first_two(LAW.coat),
        pattern_given_coat=tuple(first_two(row) for row in LAW.pattern_given_coat),
        ears=(1.0, 0.0, 0.0),
        eyes=first_two(LAW.eyes),
        expression_given_eyes=tuple(first_two(row) for row in LAW.expression_given_eyes),
        eye_given_coat=tuple(first_two(row) for row in LAW.eye_given_coat),
        odd_eyes_given_coat=(0.0,) * 6,
        accessory=first_two(LAW.accessory),
        background=first_two(LAW.background),
        tilt=(1.0, 0.0, 0.0),
        size=first_two(LAW.size),
    )


def possible_scenes(law: SceneLaw) -> list[tuple[Scene, float]]:
    """Every scene of one or two cats with its probability, impossible ones left out."""
    alone = (Scene((cat,), "meadow", "left", "small") for cat in every_cat())
    cats = [scene.cats[0] for scene in alone if law.log_prob(scene) > -math.inf]
    groups = [(cat,) for cat in cats] + list(itertools.product(cats, cats))
    around = list(itertools.product(sc.BACKGROUNDS[:2], sc.TILTS[:1], sc.SIZES[:2]))
    found = [Scene(group, *rest) for group in groups for rest in around]
    weighed = [(scene, math.exp(law.log_prob(scene))) for scene in found]
    return [(scene, p) for scene, p in weighed if p > 0]


def test_scene_probabilities_sum_to_one_and_give_the_entropy() -> None:
    law = narrow_law()
    p = np.array([weight for _, weight in possible_scenes(law)])
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert law.entropy() == pytest.approx(-(p * np.log(p)).sum(), abs=1e-10)


def test_every_table_sums_to_one() -> None:
    rows = [LAW.cats, LAW.coat, LAW.ears, LAW.eyes, LAW.accessory, LAW.background, LAW.tilt]
    rows += [LAW.size, *LAW.pattern_given_coat, *LAW.eye_given_coat, *LAW.expression_given_eyes]
    rows += [LAW.right_eye_given(coat, left) for coat in range(6) for left in range(4)]
    assert [sum(row) for row in rows] == pytest.approx([1.0] * len(rows))


def test_entropy_is_the_mean_of_minus_log_p() -> None:
    rng = np.random.default_rng(0)
    values = np.array([-LAW.log_prob(LAW.sample(rng)) for _ in range(20_000)])
    assert abs(values.mean() - LAW.entropy()) < 4 * values.std() / math.sqrt(len(values))


def test_samples_follow_the_law() -> None:
    rng = np.random.default_rng(1)
    n = 20_000
    drawn = [LAW.sample(rng) for _ in range(n)]
    expected = {("coat", c): p for c, p in zip(sc.COATS, LAW.coat, strict=True)}
    expected |= {("count", i + 1): p for i, p in enumerate(LAW.cats)}
    expected |= {
        ("white", e): p * LAW.coat[1]
        for e, p in zip(sc.EYE_COLOURS, LAW.eye_given_coat[1], strict=True)
    }
    expected["odd"] = sum(p * o for p, o in zip(LAW.coat, LAW.odd_eyes_given_coat, strict=True))
    seen: Counter[object] = Counter()
    for scene in drawn:
        cat = scene.cats[-1]
        seen.update([("coat", cat.coat), ("count", len(scene.cats))])
        seen.update(["odd"] * cat.odd_eyes + [("white", cat.left_eye)] * (cat.coat == "white"))
    for what, p in expected.items():
        assert abs(seen[what] / n - p) < 4.5 * math.sqrt(p * (1 - p) / n), what
    assert 0.03 < expected["odd"] < 0.05


def test_a_litter_shares_coat_and_pattern() -> None:
    rng = np.random.default_rng(2)
    drawn = [scene for scene in (LAW.sample(rng) for _ in range(500)) if len(scene.cats) > 1]
    assert all(len({(cat.coat, cat.pattern) for cat in scene.cats}) == 1 for scene in drawn)
    strangers = Scene((CAT, replace(CAT, coat="white")), "sofa", "left", "small")
    assert LAW.log_prob(strangers) == -math.inf


def test_labels_are_the_positions_of_the_names() -> None:
    labels = Scene((CAT, CAT), "window", "right", "large").labels()
    assert list(labels) == list(LABEL_NAMES)
    names = {column: LABEL_NAMES[column][label] for column, label in labels.items()}
    assert names == {
        **vars(CAT),
        "background": "window",
        "tilt": "right",
        "size": "large",
        "cats": "two",
    }


def test_every_cat_is_counted_once() -> None:
    cats = list(every_cat())
    assert len(cats) == len(set(cats)) == 6 * 4 * 3 * 4 * 4 * 3 * 4 * 6
