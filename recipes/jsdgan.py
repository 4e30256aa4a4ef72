"""JSDGAN: minimise the Jensen-Shannon divergence directly, with a closed-form discriminator.

$ python recipes/jsdgan.py                                 bundled cat captions, minutes on a laptop
$ python recipes/jsdgan.py --text my.txt --out runs/mine   your own text, a line each
$ python recipes/jsdgan.py --objective likelihood          the control: as much more maximum likelihood
$ python recipes/jsdgan.py --pretrained runs/mle           start from a trained generator
$ python recipes/jsdgan.py paper --oracle seed:88          networks and pretraining of the SeqGAN paper
$ python recipes/jsdgan.py smoke                           seconds, to see that everything works
$ python recipes/jsdgan.py --resume runs/jsdgan            go on where a run stopped
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # The imports below take seconds.

from dataclasses import dataclass
from typing import Annotated

from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, TextData, load_corpus
from seqgan_kit.evaluation.pretrained import start_name
from seqgan_kit.evaluation.text_fitting import fit_to_text
from seqgan_kit.evaluation.text_presets import CAPTIONS_DIRECT, CAPTIONS_LSTM, SMOKE_DIRECT
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods.explicit import jsdgan
from seqgan_kit.methods.explicit.jsdgan import JSDGANMethod
from seqgan_kit.sequences.direct_training import DirectTraining
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.text_recipe import close_text_run, starting_generator, text_hooks


@dataclass(frozen=True)
class Config:
    """JSDGAN on text."""

    data: Annotated[TextData, flat] = TextData()
    oracle: Annotated[OracleData, flat] = OracleData()
    method: Annotated[JSDGANMethod, flat] = JSDGANMethod()
    training: Annotated[DirectTraining, flat] = DirectTraining()
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice()
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(training=CAPTIONS_DIRECT, generator=CAPTIONS_LSTM),
    "paper": Config(),
    "smoke": Config(
        training=SMOKE_DIRECT,
        scores=TextScoreSettings(score_samples=200, evaluation_samples=50),
    ),
}


def main(cfg: Config) -> None:
    """Data, network, game, phases, training, samples and scores."""
    with open_run("jsdgan", cfg) as run:
        corpus, world = load_corpus(cfg.data, cfg.oracle)
        run.say("\n".join(corpus.account.lines()))
        if corpus.stream is not None:
            raise UsageError("JSDGAN counts the training lines in memory: leave --streaming out.")
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).training
        training = fit_to_text(run, cfg.training, preset, corpus, feed)
        generator = starting_generator(run, cfg.generator, corpus, training.pretrained)

        scorer = TextScorer(corpus, world, cfg.scores)
        game, phases = jsdgan.build(generator, corpus.train), jsdgan.phases(cfg.method, training)
        trainer = Trainer(run, game, phases, feed, text_hooks(scorer))
        trainer.fit()
        close_text_run(trainer, scorer, "JSDGAN", start=start_name(training))


if __name__ == "__main__":
    launch(main, PRESETS)
