"""CoT: train a generator without pretraining, by exact step-wise divergences from a mediator.

$ python recipes/cot.py                                 bundled cat captions, minutes on a laptop
$ python recipes/cot.py --text my.txt --out runs/mine   your own text, a line each
$ python recipes/cot.py --mediator-reads generated      the control: no real text reaches the generator
$ python recipes/cot.py paper --oracle seed:88          the paper's settings (hours)
$ python recipes/cot.py smoke                           seconds, to see that everything works
$ python recipes/cot.py --resume runs/cot               go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # The imports below take seconds.

from dataclasses import dataclass
from typing import Annotated

from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, PairData, TextData, load_corpus
from seqgan_kit.evaluation.text_fitting import fit_to_text
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods.explicit import cot
from seqgan_kit.methods.explicit.cot import CoTMethod
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.sequences.generators.lstm import LSTMConfig
from seqgan_kit.text_recipe import close_text_run, starting_generator, text_hooks


@dataclass(frozen=True)
class Config:
    """Cooperative training on text."""

    data: Annotated[TextData, flat] = TextData()
    pairs: Annotated[PairData, flat] = PairData()
    oracle: Annotated[OracleData, flat] = OracleData()
    method: Annotated[CoTMethod, flat] = CoTMethod()
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice()
    mediator: GeneratorChoice = GeneratorChoice(lstm=LSTMConfig(64, 64, dropout=0.5))
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        method=CoTMethod(
            rounds=1500,
            generator_learning_rate=5e-3,
            mediator_learning_rate=5e-3,
            clip_norm=5.0,
            most_work=6.0,
        ),
        generator=GeneratorChoice(lstm=LSTMConfig(embedding=64, hidden=128)),
        mediator=GeneratorChoice(lstm=LSTMConfig(embedding=64, hidden=128, dropout=0.1)),
    ),
    "paper": Config(),
    "smoke": Config(
        method=CoTMethod(batch_size=32, rounds=2),
        mediator=GeneratorChoice(lstm=LSTMConfig(16, 16)),
        scores=TextScoreSettings(score_samples=200, evaluation_samples=50),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("cot", cfg) as run:
        corpus, world = load_corpus(cfg.data, cfg.oracle, cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.method.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).method
        method = fit_to_text(run, cfg.method, preset, corpus, feed)
        generator = starting_generator(run, cfg.generator, corpus, "")
        mediator = starting_generator(run, cfg.mediator, corpus, "")

        scorer = TextScorer(corpus, world, cfg.scores)
        game = cot.build(generator, mediator, method)
        trainer = Trainer(run, game, cot.phases(method), feed, text_hooks(scorer))
        trainer.fit()
        close_text_run(trainer, scorer, "CoT")


if __name__ == "__main__":
    launch(main, PRESETS)
