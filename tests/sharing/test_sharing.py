"""Models as folders and on the hub, which a stand-in of huggingface_hub's API plays in a local folder."""

from __future__ import annotations

import inspect
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import numpy as np
import pytest
import yaml

import seqgan_kit as sk
from seqgan_kit.cli.main import main
from seqgan_kit.errors import CheckpointError, DataError, StorageError, UsageError

API, DOWNLOAD = huggingface_hub.HfApi, huggingface_hub.snapshot_download
"""The real ones, whose signatures the calls must fit."""
LINES = [f"the {a} cat {b} ." for a in "abcdefgh" for b in ("sat", "ran", "ate", "hid") * 2]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> sk.RecipeRun:
    folder = tmp_path_factory.mktemp("run")
    (folder / "my.txt").write_text("".join(f"{line}\n" for line in LINES))
    out = folder / "run"
    return sk.run("seqgan", "smoke", text=folder / "my.txt", out=out, score_samples=20, quiet=True)


class Hub:
    """What the hub does, in a folder; calls are bound to the signatures of the real functions."""

    def __init__(self, folder: Path):
        self.folder, self.made = folder, {}

    def api(self, **options):
        inspect.signature(API).bind(**options)
        return SimpleNamespace(create_repo=self.create, upload_folder=self.upload)

    def create(self, *args, **options):
        inspect.signature(API.create_repo).bind(None, *args, **options)
        self.made[args[0]] = options

    def upload(self, **options):
        inspect.signature(API.upload_folder).bind(None, **options)
        target = self.folder / options["repo_id"]
        shutil.copytree(options["folder_path"], target, dirs_exist_ok=True)
        return SimpleNamespace(commit_url=f"https://hub/{options['repo_id']}/commit/1")

    def download(self, repo_id, **options):
        inspect.signature(DOWNLOAD).bind(repo_id, **options)
        if not (self.folder / repo_id).is_dir():
            raise huggingface_hub.errors.HfHubHTTPError(
                f"404: {repo_id} not found", response=SimpleNamespace(headers={}, request=None)
            )
        assert set(options["allow_patterns"]) == {"*.safetensors", "*.json", "README.md"}
        return str(self.folder / repo_id)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    stand_in = Hub(tmp_path / "hub")
    monkeypatch.setattr(huggingface_hub, "HfApi", stand_in.api)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", stand_in.download)
    return stand_in


def test_a_saved_model_is_the_same_model(run, tmp_path, capsys):
    folder = run.model.save_pretrained(tmp_path / "shared")
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert files == {
        "README.md", "config.json", "scores.json", "model/model.json", "model/tokenizer.json",
        "model/generator.safetensors", "model/discriminator.safetensors",
    }  # fmt: skip
    again = sk.load(folder)
    assert again.sample(5, seed=1) == run.model.sample(5, seed=1)
    assert np.array_equal(
        again.discriminator.score(LINES[:4]), run.model.discriminator.score(LINES[:4])
    )
    assert main(["sample", str(folder), "-n", "2"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    again.save_pretrained(tmp_path / "twice")
    assert (tmp_path / "twice" / "README.md").read_text() == (folder / "README.md").read_text()


def test_the_card_has_scores_signatures_and_the_command(run, tmp_path):
    card = (run.model.save_pretrained(tmp_path / "shared") / "README.md").read_text()
    _, metadata, text = card.split("---\n", 2)
    assert yaml.safe_load(metadata) == {
        "library_name": "seqgan-kit",
        "pipeline_tag": "text-generation",
        "tags": ["gan", "seqgan-kit"],
    }
    assert "| BLEU-2 |" in text
    assert "`bleu|" in text
    assert "seqgan-kit run seqgan smoke --text" in text
    assert "generator: lstm" in text
    assert "discriminator: textcnn" in text
    assert "Please fill in" in text


def test_folders_that_hold_something_else_are_refused(run, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        run.model.save_pretrained(tmp_path / "full")
    with pytest.raises(UsageError, match="is a file"):
        run.model.save_pretrained(tmp_path / "full" / "thesis.txt")
    with pytest.raises(UsageError, match="own folder"):
        run.model.save_pretrained(run.folder)
    folder = run.model.save_pretrained(tmp_path / "shared")
    assert run.model.save_pretrained(folder) == folder


def test_a_model_goes_up_and_comes_down(run, hub):
    address = run.model.push_to_hub("user/name", private=True)
    assert address == "https://hub/user/name/commit/1"
    assert hub.made["user/name"] == {"private": True, "exist_ok": True, "repo_type": "model"}
    assert sk.load("hub:user/name").sample(3, seed=2) == run.model.sample(3, seed=2)
    assert sk.load("hub:user/name@main").sample(1) == run.model.sample(1)


def test_a_changed_file_is_noticed(run, hub):
    run.model.push_to_hub("user/name")
    path = hub.folder / "user/name/model/generator.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="checksum"):
        sk.load("hub:user/name")


def test_the_push_command(run, hub, capsys):
    assert main(["push", str(run.folder), "user/name"]) == 0
    assert "pushed to https://hub/user/name/commit/1" in capsys.readouterr().out
    assert json.loads((hub.folder / "user/name/model/model.json").read_text())["kind"] == "text"
    assert main(["push", str(run.folder), "name"]) == 2
    assert "'name' is not the name of a repository: give user/name" in capsys.readouterr().err
    assert main(["push", str(run.folder.parent), "user/name"]) == 2
    assert "holds no trained model" in capsys.readouterr().err


def test_what_the_hub_refuses_is_a_sentence(run, hub, monkeypatch):
    with pytest.raises(
        DataError, match=r"user/none cannot be loaded from the hub: .*hf auth login"
    ):
        sk.load("hub:user/none")

    def refuse(**options):
        raise OSError("no token was found")

    monkeypatch.setattr(hub, "upload", refuse)
    with pytest.raises(StorageError, match=r"cannot be pushed to user/name: no token was found"):
        run.model.push_to_hub("user/name")


def test_a_repository_of_something_else_is_refused(hub):
    (hub.folder / "user" / "other").mkdir(parents=True)
    with pytest.raises(DataError, match="is no seqgan-kit model"):
        sk.load("hub:user/other")
