"""A copied recipe with a generator and a discriminator of the user's own: trained, saved, loaded."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from one_process import OneProcess
from torch import nn

from seqgan_kit.cli.main import main
from seqgan_kit.errors import CheckpointError, UsageError
from seqgan_kit.evaluation.text_export import check_text_model, load_text_model, save_text_model
from seqgan_kit.sequences.generators.lstm import LSTMConfig, LSTMGenerator

ROOT = Path(__file__).resolve().parents[2]
CLASSES = '''
import torch
from torch import nn
from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.evaluation.pretrained import start_from
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator
from seqgan_kit.sequences.soft_tokens import embed


class MyGRU(SequenceGenerator):
    """Embedding, GRU, and a layer to the vocabulary that is the embedding itself."""

    def __init__(self, vocabulary, length, *, bos, eos, pad, width=16):
        super().__init__(vocabulary, length, width, bos, eos, pad)
        self.embedding = nn.Embedding(vocabulary, width)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.output.weight = self.embedding.weight

    def encode(self, inputs):
        return self.gru(embed(self.embedding, inputs))[0]

    def start(self, given):
        return (torch.zeros(len(given), self.gru.hidden_size, device=given.device),)

    def advance(self, inputs, state):
        seen = embed(self.embedding, inputs)[:, None]
        hidden, last = self.gru(seen, state[0][None].contiguous())
        return hidden[:, 0], (last[0],)


class MyTrunk(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.features, self.embedding = 8, nn.Embedding(vocabulary, 8)

    def forward(self, tokens):
        return embed(self.embedding, tokens).mean(1).tanh()
'''

BUILD = """\
        ids = corpus.tokenizer
        generator = MyGRU(
            ids.vocabulary_size, corpus.length, bos=ids.bos, eos=ids.eos, pad=ids.pad
        )
        start_from(training.pretrained, generator, ids, run.say)
"""


def own_recipe(folder: Path) -> Path:
    """seqgan.py with its two networks replaced, and nothing else."""
    text = (ROOT / "recipes" / "seqgan.py").read_text(encoding="utf-8")
    build = (
        "        generator = starting_generator(run, cfg.generator, corpus, training.pretrained)\n"
    )
    judge = "corpus_discriminator(cfg.discriminator, corpus)"
    assert build in text
    assert judge in text
    text = text.replace(build, BUILD)
    text = text.replace(judge, "Discriminator(MyTrunk(corpus.tokenizer.vocabulary_size), 8)")
    path = folder / "my_gan.py"
    path.write_text(
        text.replace("\n\n@dataclass", f"\n{CLASSES}\n\n@dataclass", 1), encoding="utf-8"
    )
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder of two runs of the copied recipe, the second from the first's generator."""
    folder = tmp_path_factory.mktemp("own")
    recipe = own_recipe(folder)
    words = ["a", "red", "cat", "and", "the", "dog", "sat", "here"]
    lines = [" ".join(words[(i * j) % 8] for j in range(1, 6)) for i in range(1, 200)]
    (folder / "my.txt").write_text("\n".join(lines), encoding="utf-8")
    command = [str(recipe), "smoke", "--text", "my.txt", "--out"]
    with OneProcess(folder) as shell:
        first = shell.run([*command, "first"])
        assert first.returncode == 0, first.stderr[-2000:]
        return folder, shell.run([*command, "second", "--pretrained", "first"])


@pytest.fixture(scope="module")
def own_class():
    space: dict[str, type] = {}
    exec(CLASSES, space)
    return space["MyGRU"]


def names(run: Path) -> list[str]:
    return [row["name"] for row in json.loads((run / "scores.json").read_text())["rows"]]


def test_a_copied_recipe_with_networks_of_its_own_ends_with_scores_and_a_model(trained):
    folder, _ = trained
    assert names(folder / "first")[:2] == ["MLE", "SeqGAN"]
    record = json.loads((folder / "first" / "model" / "model.json").read_text())
    assert record["generator"] == {"class": "my_gan.MyGRU"}


def test_a_run_goes_on_from_such_a_generator_and_says_so_in_its_table(trained):
    folder, second = trained
    assert second.returncode == 0, second.stderr[-2000:]
    assert names(folder / "second")[0] == "pretrained: seqgan, first"


def test_the_model_loads_when_the_class_is_handed_over(trained, own_class):
    run = trained[0] / "first"
    model = load_text_model(run, generator=own_class)
    lines = model.sample(5, seed=1)
    assert len(lines) == 5
    sizes = (model.generator.vocabulary, model.generator.length)
    options = {name: getattr(model.generator, name) for name in ("bos", "eos", "pad")}
    built = load_text_model(run, generator=own_class(*sizes, **options))
    assert built.sample(5, seed=1) == lines
    assert model.generator.output.weight is model.generator.embedding.weight, "still tied"
    with pytest.raises(
        UsageError, match=r"given generator has length 3 and vocabulary \d+, but the saved one"
    ):
        load_text_model(run, generator=own_class(sizes[0], 3, **options))
    with pytest.raises(CheckpointError, match="cannot be restored"):
        load_text_model(
            run, generator=lambda *size, **ids: LSTMGenerator(LSTMConfig(), *size, **ids)
        )


def test_sample_says_how_to_load_it(trained, capsys):
    run = str(trained[0] / "first")
    assert main(["sample", run]) == 2
    said = capsys.readouterr().err
    assert "has the class 'my_gan.MyGRU', which is not part of seqgan-kit" in said
    assert f"load_text_model({run!r}, generator=MyGRU)" in said
    assert "Traceback" not in said


def test_a_class_named_in_a_file_is_never_imported(trained, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for file in (trained[0] / "first" / "model").iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    record = json.loads((folder / "model.json").read_text())
    record["generator"] = {"class": "antigravity.Evil\x1b[31m"}
    (folder / "model.json").write_text(json.dumps(record))
    with pytest.raises(UsageError, match=r"has the class 'antigravity\.Evil\\x1b\[31m'.*=CLASS"):
        load_text_model(tmp_path)
    assert "antigravity" not in sys.modules


def test_what_cannot_be_saved_is_said_before_training(tmp_path, tiny_generator):
    with pytest.raises(UsageError, match="Linear cannot be saved: its attributes vocabulary and"):
        check_text_model(nn.Linear(2, 2))

    class Remembering(type(tiny_generator())):
        def get_extra_state(self):
            return {"words": 3}

        def set_extra_state(self, state):
            raise AssertionError

    generator = tiny_generator()
    generator.__class__ = Remembering
    with pytest.raises(UsageError, match="'_extra_state' in its state dict is not a tensor"):
        save_text_model(tmp_path / "model", generator, None)
    assert not (tmp_path / "model").exists()


def test_a_subclass_of_a_generator_of_ours_is_the_users_own(tmp_path, tiny_generator):
    class Louder(LSTMGenerator):
        pass

    from seqgan_kit.data.text.tokenizers import train_tokenizer

    tokenizer = train_tokenizer("word", ["a cat sat"])
    config = LSTMConfig(4, 4)
    options = {"bos": tokenizer.bos, "eos": tokenizer.eos, "pad": tokenizer.pad}
    generator = Louder(config, tokenizer.vocabulary_size, 5, **options)
    save_text_model(tmp_path / "model", generator, tokenizer)
    with pytest.raises(UsageError, match="generator=Louder"):
        load_text_model(tmp_path)
    model = load_text_model(tmp_path, generator=lambda *size, **ids: Louder(config, *size, **ids))
    assert torch.equal(model.generator.output.weight, generator.output.weight)
