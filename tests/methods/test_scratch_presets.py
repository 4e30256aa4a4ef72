"""Paper presets of the methods without pretraining: the numbers of the authors' code."""

from pathlib import Path

from seqgan_kit.cli.recipe_commands import load_recipe
from seqgan_kit.methods.explicit import cot, mdlm
from seqgan_kit.methods.rewarded import scratchgan

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


def paper(recipe: str):
    return load_recipe(RECIPES / f"{recipe}.py").PRESETS["paper"]


def test_cot_is_the_authors_run():
    """desire2020/Cooperative-Training, cot.py, generator.py and mediator.py: one update each, Adam with
    decays 0.9 and 0.95."""
    config = paper("cot")
    (phase,) = cot.phases(config.method)
    learn, mediate = phase.turns
    assert (learn.players, learn.moves, mediate.moves) == (("generator",), 1, 1)
    assert (phase.rounds, config.method.batch_size) == (200_000, 64)
    assert (learn.optimizer.learning_rate, mediate.optimizer.learning_rate) == (1e-3, 3e-3)
    assert learn.optimizer.betas == mediate.optimizer.betas == (0.9, 0.95)
    writer, mediator = config.generator.lstm, config.mediator.lstm
    assert (writer.embedding, writer.hidden, writer.dropout) == (32, 32, 0.0)
    assert (mediator.embedding, mediator.hidden, mediator.dropout) == (64, 64, 0.5)


def test_scratchgan_is_the_authors_run():
    """google-deepmind/deepmind-research, scratchgan/experiment.py."""
    config = paper("scratchgan")
    (phase,) = scratchgan.phases(config.method)
    judge, learn = phase.turns
    assert (phase.rounds, config.method.batch_size, judge.moves, learn.moves) == (
        200_000, 512, 1, 1,
    )  # fmt: skip
    assert (learn.optimizer.learning_rate, judge.optimizer.learning_rate) == (9.59e-5, 9.38e-3)
    assert learn.optimizer.betas[0] == judge.optimizer.betas[0] == 0.5
    assert (judge.optimizer.weight_decay, learn.optimizer.weight_decay) == (1e-6, 0)
    assert (config.method.discount, config.method.baseline_decay) == (0.23, 0.08)
    writer, reader = config.generator.lstm, config.discriminator.step_reader
    assert (writer.embedding, writer.hidden, writer.layers) == (64, 512, 2)
    assert (reader.embedding, reader.hidden, reader.positions, reader.dropout) == (64, 512, 8, 0.1)


def test_mdlm_is_the_authors_small_model():
    """kuleshov-group/mdlm, configs/config.yaml and configs/model/small.yaml."""
    config = paper("mdlm")
    (phase,) = mdlm.phases(config.method)
    learn, network = phase.turns[0].optimizer, config.network
    assert (learn.name, learn.learning_rate, learn.weight_decay) == ("adamw", 3e-4, 0)
    assert (learn.warmup_moves, learn.clip_norm, learn.betas) == (2500, 1.0, (0.9, 0.999))
    assert config.method.batch_size == 512
    assert (network.width, network.layers, network.heads, network.dropout) == (768, 12, 12, 0.1)
    assert network.steps == 128
