"""MaliGAN: maximum likelihood on samples, weighted by the discriminator's odds.

$ python recipes/maligan.py                                 bundled cat captions, minutes on a laptop
$ python recipes/maligan.py --text my.txt --tokenizer char  your own text, a line each
$ python recipes/maligan.py oracle                          the LSTM world of the SeqGAN paper
$ python recipes/maligan.py paper --text my.txt             mixed training, the rest as SeqGAN (hours)
$ python recipes/maligan.py full --text my.txt              the same with rollouts, MaliGAN-full (more hours)
$ python recipes/maligan.py smoke                           seconds, to see that everything works
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # The imports below take seconds.

from dataclasses import dataclass, replace
from typing import Annotated

from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.alarms import GuessingDiscriminator, PinnedDiscriminator
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, PairData, TextData, load_corpus
from seqgan_kit.evaluation.objectives.objective_choice import ObjectiveSettings
from seqgan_kit.evaluation.pretrained import start_name
from seqgan_kit.evaluation.text_fitting import fit_to_text
from seqgan_kit.evaluation.text_presets import (
    CAPTIONS,
    CAPTIONS_CNN,
    CAPTIONS_LSTM,
    ORACLE,
    ORACLE_CNN,
    SMOKE,
    SMOKE_CNN,
)
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods import maligan
from seqgan_kit.methods.maligan import MaliGANMethod
from seqgan_kit.sequences.discriminators.discriminator_choice import DiscriminatorChoice
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.text_recipe import (
    close_text_run,
    corpus_discriminator,
    starting_generator,
    text_hooks,
)


@dataclass(frozen=True)
class Config:
    """MaliGAN on text."""

    data: Annotated[TextData, flat] = TextData()
    pairs: Annotated[PairData, flat] = PairData()
    oracle: Annotated[OracleData, flat] = OracleData()
    method: Annotated[MaliGANMethod, flat] = MaliGANMethod()
    training: Annotated[FineTuning, flat] = FineTuning()
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice()
    discriminator: Annotated[DiscriminatorChoice, flat] = DiscriminatorChoice()
    objective: Annotated[ObjectiveSettings, flat] = ObjectiveSettings()
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        training=CAPTIONS,
        generator=CAPTIONS_LSTM,
        discriminator=CAPTIONS_CNN,
    ),
    "oracle": Config(
        oracle=OracleData("seed:88"),
        method=MaliGANMethod(kept=0),
        training=replace(ORACLE, rounds=120, generator_learning_rate=3e-3),
        discriminator=ORACLE_CNN,
    ),
    "paper": Config(),
    "full": Config(method=MaliGANMethod(rollouts=16)),
    "smoke": Config(
        training=SMOKE,
        discriminator=SMOKE_CNN,
        scores=TextScoreSettings(score_samples=200, evaluation_samples=50),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("maligan", cfg) as run:
        corpus, world = load_corpus(cfg.data, cfg.oracle, cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).training
        training = fit_to_text(run, cfg.training, preset, corpus, feed)
        generator = starting_generator(run, cfg.generator, corpus, training.pretrained)
        discriminator = corpus_discriminator(cfg.discriminator, corpus)
        scorer = TextScorer(corpus, world, cfg.scores, cfg.objective)
        game = maligan.build(generator, discriminator, cfg.method, training, scorer.reward)

        hooks = text_hooks(scorer, PinnedDiscriminator(), GuessingDiscriminator())
        phases = maligan.phases(cfg.method, training, corpus.given)
        trainer = Trainer(run, game, phases, feed, hooks)
        trainer.fit()
        close_text_run(trainer, scorer, "MaliGAN", start=start_name(training))


if __name__ == "__main__":
    launch(main, PRESETS)
