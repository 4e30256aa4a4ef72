"""Maximum likelihood: the baseline that every adversarial text method must beat.

$ python recipes/mle.py                                     bundled cat captions, minutes on a laptop
$ python recipes/mle.py --text my.txt --tokenizer bpe       your own text
$ python recipes/mle.py paper --text my.txt                 120 epochs, as SeqGAN's paper pretrains
$ python recipes/mle.py --generator rnn_search --sources train.de --text train.en    translation
$ python recipes/mle.py smoke                               seconds, to see that everything works
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
from seqgan_kit.methods import mle
from seqgan_kit.methods.mle import MLEMethod
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.sequences.generators.lstm import LSTMConfig
from seqgan_kit.text_recipe import close_text_run, starting_generator, text_hooks


@dataclass(frozen=True)
class Config:
    """Maximum likelihood on text."""

    data: Annotated[TextData, flat] = TextData()
    pairs: Annotated[PairData, flat] = PairData()
    oracle: Annotated[OracleData, flat] = OracleData()
    method: Annotated[MLEMethod, flat] = MLEMethod()
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice()
    scores: Annotated[TextScoreSettings, flat] = TextScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


PRESETS = {
    "default": Config(
        method=MLEMethod(
            mle_epochs=40,
            mle_learning_rate=5e-3,
            patience_evaluations=3,
            most_work=6.0,
            evaluate_every_epochs=1,
        ),
        generator=GeneratorChoice(lstm=LSTMConfig(embedding=64, hidden=96, dropout=0.1)),
    ),
    "paper": Config(),
    "smoke": Config(
        method=MLEMethod(batch_size=32, mle_epochs=0.1),
        scores=TextScoreSettings(score_samples=200, evaluation_samples=50),
    ),
}


def main(cfg: Config) -> None:
    """Data, network, game, phases, training, samples and scores."""
    with open_run("mle", cfg) as run:
        corpus, world = load_corpus(cfg.data, cfg.oracle, cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = corpus.feed(cfg.method.batch_size, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).method
        method = fit_to_text(run, cfg.method, preset, corpus, feed)
        generator = starting_generator(run, cfg.generator, corpus, method.pretrained)

        scorer = TextScorer(corpus, world, cfg.scores)
        trainer = Trainer(run, mle.build(generator), mle.phases(method), feed, text_hooks(scorer))
        trainer.fit()
        close_text_run(trainer, scorer, "MLE")


if __name__ == "__main__":
    launch(main, PRESETS)
