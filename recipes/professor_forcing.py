"""Professor forcing: a generator whose hidden states look alike on data and on its own samples.

$ python recipes/professor_forcing.py                            bundled cat captions, minutes on a laptop
$ python recipes/professor_forcing.py --text my.txt              your own text, a line each
$ python recipes/professor_forcing.py --adversarial-weight 0     the control: maximum likelihood alone
$ python recipes/professor_forcing.py --prompt-words 2           endings of given beginnings
$ python recipes/professor_forcing.py paper --text my.txt        the paper's losses and thresholds (hours)
$ python recipes/professor_forcing.py smoke                      seconds, to see that everything works
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # The imports below take seconds.

from dataclasses import dataclass
from typing import Annotated

from seqgan_kit.core.discriminator import Discriminator
from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, PairData, TextData, load_corpus
from seqgan_kit.evaluation.text_fitting import fit_to_text
from seqgan_kit.evaluation.text_presets import CAPTIONS_LSTM
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods import professor_forcing
from seqgan_kit.methods.professor_forcing import ProfessorForcingMethod
from seqgan_kit.sequences.discriminators.state_reader import StateReader, StateReaderConfig
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.sequences.generators.lstm import LSTMConfig
from seqgan_kit.text_recipe import close_text_run, starting_generator, text_hooks


@dataclass(frozen=True)
class Config:
    """Professor forcing on text."""

    data: Annotated[TextData, flat] = TextData()
    pairs: Annotated[PairData, flat] = PairData()
    oracle: Annotated[OracleData, flat] = OracleData()
    method: Annotated[ProfessorForcingMethod, flat] = ProfessorForcingMethod()
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice()
    reader: StateReaderConfig = StateReaderConfig()
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        method=ProfessorForcingMethod(
            batch_size=128, epochs=15, learning_rate=5e-3, schedule="linear", most_work=6.0
        ),
        generator=CAPTIONS_LSTM,
    ),
    "paper": Config(
        generator=GeneratorChoice(lstm=LSTMConfig(embedding=256, hidden=1024, initial_std=None)),
        reader=StateReaderConfig(hidden=512, width=1024),
    ),
    "smoke": Config(
        method=ProfessorForcingMethod(batch_size=32, epochs=0.02, evaluate_every_rounds=3),
        generator=GeneratorChoice(lstm=LSTMConfig(embedding=8, hidden=8)),
        reader=StateReaderConfig(hidden=4, width=8),
        scores=TextScoreSettings(score_samples=200, evaluation_samples=50),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("professor_forcing", cfg) as run:
        corpus, world = load_corpus(cfg.data, cfg.oracle, cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.method.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).method
        method = fit_to_text(run, cfg.method, preset, corpus, feed)
        generator = starting_generator(run, cfg.generator, corpus, method.pretrained)
        trunk = StateReader(cfg.reader, generator.output.in_features)
        discriminator = Discriminator(trunk, trunk.features)
        game = professor_forcing.build(generator, discriminator, method)

        scorer = TextScorer(corpus, world, cfg.scores)
        phases = professor_forcing.phases(method)
        trainer = Trainer(run, game, phases, feed, text_hooks(scorer))
        trainer.fit()
        close_text_run(trainer, scorer, "professor forcing")


if __name__ == "__main__":
    launch(main, PRESETS)
