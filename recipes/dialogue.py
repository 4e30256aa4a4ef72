"""Adversarial dialogue: replies to a context, rewarded at every step by a discriminator of prefixes.

$ python recipes/dialogue.py                                  questions about cats, minutes on a laptop
$ python recipes/dialogue.py --text talks.jsonl --column responses --source-column context
$ python recipes/dialogue.py --credit monte_carlo             reward by completions instead of prefixes
$ python recipes/dialogue.py --reward constant                the control without a discriminator
$ python recipes/dialogue.py paper --text talks.jsonl --column responses --source-column context
$ python recipes/dialogue.py smoke                            seconds, to see that everything works
$ seqgan-kit chat runs/dialogue                               talk to the model
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
from seqgan_kit.evaluation.text_presets import SMOKE
from seqgan_kit.evaluation.text_scores import TextScorer, TextScoreSettings
from seqgan_kit.methods import dialogue
from seqgan_kit.methods.dialogue import DialogueMethod
from seqgan_kit.sequences.discriminators.discriminator_choice import DiscriminatorChoice
from seqgan_kit.sequences.discriminators.pair_rnn import PairRNNConfig
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.sequences.generators.rnn_search import RNNSearchConfig
from seqgan_kit.text_recipe import (
    close_text_run,
    corpus_discriminator,
    starting_generator,
    text_hooks,
)


@dataclass(frozen=True)
class Config:
    """Adversarial dialogue."""

    data: Annotated[TextData, flat] = TextData()
    pairs: Annotated[PairData, flat] = PairData()
    method: Annotated[DialogueMethod, flat] = DialogueMethod()
    training: Annotated[FineTuning, flat] = FineTuning()
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice("rnn_search")
    discriminator: Annotated[DiscriminatorChoice, flat] = DiscriminatorChoice("pair_rnn")
    objective: Annotated[ObjectiveSettings, flat] = ObjectiveSettings()
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


ANSWERS = TextData("catworld:answer")
ROUNDS = FineTuning(
    negatives=0, pools=1, discriminator_moves=5, teacher_forcing_moves=1, score_l2=0.0
)
"""The paper's round: an update of G by verdict, one on human replies, five of D on fresh replies."""

PRESETS = {
    "default": Config(
        data=ANSWERS,
        method=DialogueMethod(critic_learning_rate=1e-2),
        training=replace(
            ROUNDS,
            mle_epochs=6,
            mle_learning_rate=5e-3,
            mle_schedule="linear",
            pretrain_pools=40,
            rounds=150,
            generator_learning_rate=5e-4,
            discriminator_learning_rate=2e-3,
            most_work=6.0,
            evaluate_every_epochs=2,
        ),
        generator=GeneratorChoice("rnn_search", rnn_search=RNNSearchConfig(64, 96, dropout=0.1)),
        scores=TextScoreSettings(adversary_sources=2000),
    ),
    "paper": Config(
        data=TextData(vocabulary=25_000, max_tokens=50),
        pairs=PairData(source_tokens=50),
        training=replace(
            ROUNDS,
            mle_epochs=15,
            mle_learning_rate=1e-3,
            pretrain_pools=1000,
            rounds=10_000,
            generator_learning_rate=1e-4,
            discriminator_learning_rate=1e-3,
        ),
        generator=GeneratorChoice("rnn_search", rnn_search=RNNSearchConfig(512, 512)),
        discriminator=DiscriminatorChoice(
            "pair_rnn", pair_rnn=PairRNNConfig(512, 512, pooling="final", matching=512, dropout=0.2)
        ),
    ),
    "smoke": Config(
        data=ANSWERS,
        training=replace(SMOKE, negatives=0, teacher_forcing_moves=1),
        generator=GeneratorChoice("rnn_search", rnn_search=RNNSearchConfig(8, 8)),
        discriminator=DiscriminatorChoice("pair_rnn", pair_rnn=PairRNNConfig(8, 8, matching=8)),
        scores=TextScoreSettings(score_samples=100, evaluation_samples=20, adversary_sources=20),
    ),
}


def main(cfg: Config) -> None:
    """Data, networks, game, phases, training, samples and scores."""
    with open_run("dialogue", cfg) as run:
        corpus, world = load_corpus(cfg.data, OracleData(), cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.training.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).training
        training = fit_to_text(run, cfg.training, preset, corpus, feed, cfg.method.completions)
        generator = starting_generator(run, cfg.generator, corpus, training.pretrained)
        discriminator = corpus_discriminator(cfg.discriminator, corpus)
        scorer = TextScorer(corpus, world, cfg.scores, cfg.objective)
        game = dialogue.build(generator, discriminator, cfg.method, training, scorer.reward)

        hooks = text_hooks(scorer, PinnedDiscriminator(), GuessingDiscriminator())
        phases = dialogue.phases(cfg.method, training, corpus.given)
        trainer = Trainer(run, game, phases, feed, hooks)
        trainer.fit()
        close_text_run(trainer, scorer, "dialogue", start=start_name(training))


if __name__ == "__main__":
    launch(main, PRESETS)
