"""SeqGAN: pretrain a generator by maximum likelihood, then fine-tune it against a discriminator.

$ python recipes/seqgan.py                                bundled cat captions, minutes on a laptop
$ python recipes/seqgan.py --text my.txt --out runs/mine  your own text, a line each
$ python recipes/seqgan.py paper --text my.txt            the paper's settings on your text (hours; use a GPU)
$ python recipes/seqgan.py oracle                         the LSTM world of the paper
$ python recipes/seqgan.py fast --oracle target_params.npz    near the paper's 8.74 on its oracle, in minutes
$ python recipes/seqgan.py --objective my.py:function     a reward of your own, mixed with the discriminator's
$ python recipes/seqgan.py smoke                          seconds, to see that everything works
$ python recipes/seqgan.py --resume runs/seqgan           go on where a run stopped
$ torchrun --nproc_per_node 2 recipes/seqgan.py           several processes
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
from seqgan_kit.methods import seqgan
from seqgan_kit.methods.seqgan import SeqGANMethod
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
    """SeqGAN on text."""

    data: Annotated[TextData, flat] = TextData()
    pairs: Annotated[PairData, flat] = PairData()
    oracle: Annotated[OracleData, flat] = OracleData()
    method: Annotated[SeqGANMethod, flat] = SeqGANMethod()
    training: Annotated[FineTuning, flat] = FineTuning()
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice()
    discriminator: Annotated[DiscriminatorChoice, flat] = DiscriminatorChoice()
    objective: Annotated[ObjectiveSettings, flat] = ObjectiveSettings()
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        method=SeqGANMethod(rollouts=4, rollout_lag=0.0, baseline="batch"),
        training=replace(CAPTIONS, discriminator_epochs=0.1, discriminator_moves=0),
        generator=CAPTIONS_LSTM,
        discriminator=CAPTIONS_CNN,
    ),
    "oracle": Config(
        oracle=OracleData("seed:88"),
        method=SeqGANMethod(rollouts=4, rollout_lag=0.0),
        training=replace(ORACLE, generator_learning_rate=1e-2),
        discriminator=ORACLE_CNN,
    ),
    "paper": Config(),
    # The paper's networks and NLL oracle, with 700 updates of D instead of 491,400.
    "fast": Config(
        oracle=OracleData("seed:88"),
        method=SeqGANMethod(rollouts=4, rollout_lag=0.0),
        training=FineTuning(
            mle_epochs=20,
            negatives=0,
            pretrain_pools=300,
            discriminator_moves=2,
            rounds=50,
            pools=1,
            discriminator_learning_rate=3e-4,
            evaluate_every_epochs=5,
        ),
    ),
    "smoke": Config(
        method=SeqGANMethod(rollouts=2),
        training=SMOKE,
        discriminator=SMOKE_CNN,
        scores=TextScoreSettings(score_samples=200, evaluation_samples=50),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("seqgan", cfg) as run:
        corpus, world = load_corpus(cfg.data, cfg.oracle, cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).training
        training = fit_to_text(run, cfg.training, preset, corpus, feed, cfg.method.rollouts)
        generator = starting_generator(run, cfg.generator, corpus, training.pretrained)
        discriminator = corpus_discriminator(cfg.discriminator, corpus)
        objective = cfg.objective.or_alone(cfg.method.reward)
        scorer = TextScorer(corpus, world, cfg.scores, objective)
        game = seqgan.build(generator, discriminator, cfg.method, training, scorer.reward)

        hooks = text_hooks(scorer, PinnedDiscriminator(), GuessingDiscriminator())
        phases = seqgan.phases(cfg.method, training, corpus.given)
        trainer = Trainer(run, game, phases, feed, hooks)
        trainer.fit()
        close_text_run(trainer, scorer, "SeqGAN", start=start_name(training))


if __name__ == "__main__":
    launch(main, PRESETS)
