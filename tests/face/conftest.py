"""One small run of each kind, made from Python and shared by the tests of the face."""

from pathlib import Path

import pytest

import seqgan_kit as sk

LINES = [f"the {a} cat {b} ." for a in "abcdefgh" for b in ("sat", "ran", "ate", "hid") * 2]


@pytest.fixture(scope="session")
def text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "my.txt"
    path.write_text("".join(f"{line}\n" for line in LINES))
    return path


@pytest.fixture(scope="session")
def text_run(text_file: Path, tmp_path_factory: pytest.TempPathFactory) -> "sk.RecipeRun":
    out = tmp_path_factory.mktemp("runs") / "text"
    return sk.run(
        "seqgan",
        "smoke",
        text=text_file,
        out=out,
        score_samples=20,
        textcnn={"dropout": 0.1},
        quiet=True,
    )


@pytest.fixture(scope="session")
def image_run(tmp_path_factory: pytest.TempPathFactory) -> "sk.RecipeRun":
    return sk.run(
        "dcgan",
        "smoke",
        out=tmp_path_factory.mktemp("runs") / "image",
        score_samples=16,
        quiet=True,
    )
