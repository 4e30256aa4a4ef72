"""Faces without hats and odd eyes, and strange ones that differ from their twin inside the mask alone."""

import math

import numpy as np
import pytest

from seqgan_kit.data.catworld.scenes.scene import ACCESSORIES, Cat, Scene, SceneLaw
from seqgan_kit.data.catworld.views import strange_faces
from seqgan_kit.data.catworld.views.strange_faces import (
    HAT,
    NORMAL_LAW,
    ODD_EYES,
    normal_face,
    strange_face,
)
from seqgan_kit.data.images.anomaly_sets import AnomalyData, load_anomaly_sets
from seqgan_kit.data.images.image_config import ImageData
from seqgan_kit.errors import UsageError


def cat(accessory: str, right_eye: str = "green") -> Cat:
    return Cat("black", "plain", "pointed", "green", right_eye, "open", "calm", accessory)


def test_the_normal_law_has_no_hats_and_odd_eyes_and_keeps_the_rest():
    law = SceneLaw()
    for accessory in ACCESSORIES:
        scene = Scene((cat(accessory),), "sofa", "left", "small")
        if accessory == HAT:
            assert NORMAL_LAW.log_prob(scene) == -math.inf
        else:
            rescaled = law.log_prob(scene) - math.log(1 - 0.09) - math.log(1 - 0.02)
            assert NORMAL_LAW.log_prob(scene) == pytest.approx(rescaled)
    odd = Scene((cat("nothing", "blue"),), "sofa", "left", "small")
    assert NORMAL_LAW.log_prob(odd) == -math.inf < law.log_prob(odd)


@pytest.mark.parametrize("kind", [HAT, ODD_EYES])
def test_a_strange_face_has_one_anomaly_that_the_mask_covers(kind, monkeypatch):
    drawn = []

    def remember(scene, moment, size):
        drawn.append((scene, moment))
        return draw(scene, moment, size)

    draw = strange_faces.draw_moment
    monkeypatch.setattr(strange_faces, "draw_moment", remember)
    for i in range(6):
        drawn.clear()
        face = strange_face(kind, np.random.default_rng(i), 32)
        (strange, moment), (usual, other) = drawn[-2:]
        assert moment is other
        assert usual.cats[1:] == strange.cats[1:]
        assert NORMAL_LAW.log_prob(usual) > -math.inf == NORMAL_LAW.log_prob(strange)
        assert strange.cats[0].eyes == "open"
        assert strange.cats[0].odd_eyes == (kind == ODD_EYES)
        twin = draw(usual, moment, 32)
        assert 0 < face.mask.sum() < 400
        assert (face.image == twin)[~face.mask].all()
        assert (face.image != twin).any(2)[face.mask].all()


def test_normal_faces_have_empty_masks():
    face = normal_face(np.random.default_rng(0), 16, tested=True)
    assert face.image.shape == (16, 16, 3)
    assert not face.mask.any()


def test_the_sets_are_the_worlds_or_the_users(tmp_path):
    from PIL import Image

    sets = load_anomaly_sets(ImageData(size=16), AnomalyData(world_faces=6, test_faces=3))
    assert (len(sets.normal.train), len(sets.normal.test)) == (6, 3)
    assert {k: (x.images.shape, x.masks.shape) for k, x in sets.anomalous.items()} == dict.fromkeys(
        (HAT, ODD_EYES), ((3, 3, 16, 16), (3, 1, 16, 16))
    )
    assert "3 of hat, 3 of odd eyes" in sets.lines()[-1]
    rng = np.random.default_rng(0)
    for name in ("normal/a", "normal/b", "normal/c", "odd/dent/a", "odd/dent/b", "odd/scratch/a"):
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(path)
    data = ImageData(images=str(tmp_path / "normal"), size=16)
    assert load_anomaly_sets(data, AnomalyData()).anomalous == {}
    own = load_anomaly_sets(data, AnomalyData(anomalies=str(tmp_path / "odd")))
    assert {k: len(x.images) for k, x in own.anomalous.items()} == {"dent": 2, "scratch": 1}
    assert all(x.masks is None for x in own.anomalous.values())
    with pytest.raises(UsageError, match="the cat world is in colour, and channels is 1"):
        load_anomaly_sets(ImageData(size=16, channels=1), AnomalyData())
