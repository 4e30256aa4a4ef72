"""Entailment: whether a text follows from another, by a reader with word-by-word attention.

$ python recipes/entailment.py                                bundled captions, minutes on a laptop
$ python recipes/entailment.py --pair-reader.no-attention     conditional encoding, without attention
$ python recipes/entailment.py --generator rnn_search         another network on the same pairs
$ python recipes/entailment.py --text my.jsonl --column label --source-column texts    your own pairs
$ python recipes/entailment.py --labelled 500 --virtual-weight 1       few labels, all pairs (VAT)
$ python recipes/entailment.py smoke                          seconds, to see that everything works
"""

if __name__ == "__main__":
    from seqgan_kit.ctrl_c import leave_on_ctrl_c

    leave_on_ctrl_c()  # The imports below take seconds.

from dataclasses import dataclass
from typing import Annotated

from seqgan_kit.core.runs.launch import flat, launch
from seqgan_kit.core.runs.run import RunSettings, open_run
from seqgan_kit.core.training.trainer import Trainer
from seqgan_kit.evaluation.conditional.classifier_scores import (
    ClassifierScorer,
    ClassifierScoreSettings,
)
from seqgan_kit.evaluation.corpora.recipe_corpus import OracleData, PairData, TextData, load_corpus
from seqgan_kit.evaluation.text_fitting import fit_to_text
from seqgan_kit.methods import entailment
from seqgan_kit.methods.entailment import EntailmentMethod
from seqgan_kit.sequences.discriminators.attentive_reader import AttentiveReaderConfig
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.text_recipe import close_text_run, starting_generator, text_hooks


@dataclass(frozen=True)
class Config:
    """Entailment of two texts."""

    data: Annotated[TextData, flat] = TextData("catworld:entail")
    pairs: Annotated[PairData, flat] = PairData()
    method: Annotated[EntailmentMethod, flat] = EntailmentMethod()
    generator: Annotated[GeneratorChoice, flat] = GeneratorChoice("pair_reader")
    scores: Annotated[ClassifierScoreSettings, flat] = ClassifierScoreSettings()
    run: Annotated[RunSettings, flat] = RunSettings()


def reader(width: int, dropout: float) -> GeneratorChoice:
    """Return the choice of a reader with this width of embeddings and states."""
    config = AttentiveReaderConfig(width, width, dropout=dropout)
    return GeneratorChoice("pair_reader", pair_reader=config)


PRESETS = {
    "default": Config(
        method=EntailmentMethod(
            batch_size=64,
            mle_epochs=25,
            learning_rate=2e-3,
            schedule="linear",
            weight_decay=0.0,
            patience_evaluations=0,
            most_work=6.0,
        ),
        generator=reader(100, 0.1),
    ),
    "paper": Config(generator=reader(100, 0.2)),
    "smoke": Config(
        method=EntailmentMethod(mle_epochs=0.1),
        generator=reader(8, 0.0),
        scores=ClassifierScoreSettings(evaluation_samples=50, score_samples=100),
    ),
}


def main(cfg: Config) -> None:
    """Data, network, game, phases, training and scores."""
    with open_run("entailment", cfg) as run:
        corpus, _ = load_corpus(cfg.data, OracleData(), cfg.pairs)
        run.say("\n".join(corpus.account.lines()))
        feed = entailment.label_feed(corpus, cfg.method, **run.share())
        preset = PRESETS.get(cfg.run.preset, cfg).method
        method = fit_to_text(run, cfg.method, preset, corpus, feed)
        generator = starting_generator(run, cfg.generator, corpus, method.pretrained)

        scorer = ClassifierScorer(corpus, cfg.scores)
        game = entailment.build(generator, method)
        trainer = Trainer(run, game, entailment.phases(method), feed, text_hooks(scorer))
        trainer.fit()
        close_text_run(trainer, scorer, cfg.generator.generator, title="Labels of test pairs")


if __name__ == "__main__":
    launch(main, PRESETS)
