"""SPIN: self-play fine-tuning, without a discriminator; a control for methods that have one.

$ python recipes/spin.py                                     translations of captions, minutes on a laptop
$ python recipes/spin.py --pretrained runs/mle               start from a generator that mle has trained
$ python recipes/spin.py --generator hf:FOLDER --tokenizer hf:FOLDER --hf.lora-rank 8 --text my.txt
$ python recipes/spin.py paper --generator hf:FOLDER --tokenizer hf:FOLDER --text my.txt
$ python recipes/spin.py smoke                               seconds, to see that everything works
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
from seqgan_kit.evaluation.pretrained import start_name
from seqgan_kit.evaluation.text_fitting import fit_to_text
from seqgan_kit.evaluation.text_presets import SMOKE_DIRECT
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods.distilled import spin
from seqgan_kit.methods.distilled.spin import SPINMethod
from seqgan_kit.sequences.direct_training import DirectTraining
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig
from seqgan_kit.text_recipe import close_text_run, starting_generator, text_hooks


@dataclass(frozen=True)
class Config:
    """SPIN: self-play fine-tuning."""

    data: Annotated[TextData, flat] = TextData()
    pairs: Annotated[PairData, flat] = PairData()
    method: Annotated[SPINMethod, flat] = SPINMethod()
    training: Annotated[DirectTraining, flat] = DirectTraining()
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice("rnn_search")
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


WORLD = TextData("catworld:translate")

PRESETS = {
    "default": Config(
        data=WORLD,
        method=SPINMethod(beta=1.0),
        training=DirectTraining(
            batch_size=32,
            mle_epochs=3,
            mle_learning_rate=3e-3,
            mle_schedule="linear",
            rounds=4,
            generator_moves=100,
            generator_learning_rate=2e-4,
            clip_norm=1.0,
            most_work=6.0,
            evaluate_every_epochs=1,
        ),
        generator=GeneratorChoice("rnn_search", rnn_search=RNNSearchConfig(64, 96, dropout=0.1)),
    ),
    "paper": Config(
        training=DirectTraining(
            batch_size=64,
            mle_epochs=1,
            mle_learning_rate=5e-7,
            rounds=4,
            generator_moves=1562,
            generator_learning_rate=5e-7,
            clip_norm=1.0,
        ),
        generator=GeneratorChoice("hf"),
    ),
    "smoke": Config(
        data=WORLD,
        training=SMOKE_DIRECT,
        generator=GeneratorChoice("rnn_search", rnn_search=RNNSearchConfig(8, 8)),
        scores=TextScoreSettings(score_samples=100, evaluation_samples=20),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("spin", cfg) as run:
        corpus, world = load_corpus(cfg.data, OracleData(), cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).training
        training = fit_to_text(run, cfg.training, preset, corpus, feed)
        generator = starting_generator(run, cfg.generator, corpus, training.pretrained)
        scorer = TextScorer(corpus, world, cfg.scores)
        game = spin.build(generator, cfg.method)

        trainer = Trainer(run, game, spin.phases(training), feed, text_hooks(scorer))
        trainer.fit()
        close_text_run(trainer, scorer, "SPIN", start=start_name(training))


if __name__ == "__main__":
    launch(main, PRESETS)
