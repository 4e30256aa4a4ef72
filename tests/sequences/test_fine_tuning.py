"""The schedule that text methods share, and the game that it is played on."""

import pytest
import torch

from seqgan_kit.core.game import EarlyStop, Epochs, Move, Turn, check_phases
from seqgan_kit.core.objectives import expected_probability
from seqgan_kit.errors import UsageError
from seqgan_kit.sequences.estimators.gumbel import GumbelSoftmax
from seqgan_kit.sequences.estimators.reinforce import Reinforce
from seqgan_kit.sequences.fine_tuning import ADVERSARIAL, PRETRAINED, FineTuning, fine_tuning_phases
from seqgan_kit.sequences.sequence_game import SequenceGame


def told(phase) -> list[str]:
    return [turn.loss or turn.rule for turn in phase.turns]


def test_turns_of_a_methods_own_stand_where_they_were_asked_for():
    first = Turn(("a",), rule="first", feed=None)
    second = Turn(("b",), rule="second", feed=None)
    pretrain, judge, play = fine_tuning_phases(
        FineTuning(pools=1, teacher_forcing_moves=1),
        ("generator", "memory"),
        after_pretraining=(first,),
        after_learning=(second,),
    )
    assert [phase.name for phase in (pretrain, play)] == [PRETRAINED, ADVERSARIAL]
    assert told(pretrain) == ["mle_loss", "first"]
    pool = ["draw_negatives", "discriminator_loss"]
    assert told(judge) == pool
    assert told(play) == ["generator_loss", "mle_loss", "second", *pool]
    assert play.turns[0].players == ("generator", "memory")


def test_pretraining_stops_early_if_it_is_asked_to():
    assert fine_tuning_phases(FineTuning())[0].early_stop is None
    stop = fine_tuning_phases(FineTuning(mle_patience_evaluations=2))[0].early_stop
    assert stop == EarlyStop("nll_valid", 2)


def test_a_run_may_do_without_pretraining():
    """From another run's generator, or from scratch."""
    pretrain, judge, _ = fine_tuning_phases(FineTuning(mle_epochs=0, pretrain_pools=0))
    assert (pretrain.rounds, judge.rounds) == (0, 0)
    assert pretrain.keep, "what the run starts from is the baseline of its table"
    elsewhere = fine_tuning_phases(FineTuning(mle_epochs=7, pretrained="runs/mle"))[0]
    assert elsewhere.rounds == 0


@pytest.mark.parametrize(("epochs", "rounds", "each"), [(0.25, 1, 0.25), (1.5, 2, 0.75), (3, 3, 1)])
def test_epochs_are_cut_into_equal_rounds(epochs, rounds, each):
    pretrain = fine_tuning_phases(FineTuning(mle_epochs=epochs))[0]
    assert (pretrain.rounds, pretrain.turns[0].moves) == (rounds, Epochs(each))


@pytest.mark.parametrize("setting", ["negatives", "pretrain_pools", "rounds", "pools"])
def test_negative_numbers_are_refused(setting):
    with pytest.raises(UsageError, match=f"{setting} is -1; it must be 0 or more"):
        FineTuning(**{setting: -1})


def test_epochs_are_checked():
    with pytest.raises(UsageError, match=r"discriminator_epochs is 0\.0; it must be above 0"):
        FineTuning(discriminator_epochs=0.0)


class Annealing(Reinforce):
    """Notes how far it is asked to be."""

    def fakes(self, game, batch, n, move):
        asked.append(move.progress)
        return super().fakes(game, batch, n, move)


asked: list[float] = []


def test_what_is_annealed_stands_at_its_start_until_the_adversarial_phase(
    tiny_generator, tiny_text_discriminator
):
    game = SequenceGame(
        tiny_generator(),
        tiny_text_discriminator(),
        expected_probability(),
        Annealing(0),
        FineTuning(negatives=0),
    )
    batch = {"real": game.sample(4, rng=torch.Generator().manual_seed(0))}
    asked.clear()
    for phase, round_number, rounds in (
        ("pretrain-discriminator", 0, 1),
        ("pretrain-discriminator", 4, 5),
        (ADVERSARIAL, 0, 5),
        (ADVERSARIAL, 4, 5),
    ):
        game.discriminator_loss(
            batch, Move(phase, round_number, rounds, torch.Generator().manual_seed(0))
        )
    assert asked == [0.0, 0.0, 0.0, 1.0]


def test_many_scores_are_for_estimators_that_take_them(tiny_generator, tiny_text_discriminator):
    """Whatever the classes are called: the trunk says how many, the estimator that it takes them."""
    judge = tiny_text_discriminator()
    judge.trunk.scores_per_sample = 3
    parts = (tiny_generator(), judge, expected_probability())
    with pytest.raises(UsageError, match="has 3 scores per sequence, but rewards and weights need"):
        SequenceGame(*parts, Reinforce(0), FineTuning(negatives=0))
    SequenceGame(*parts, GumbelSoftmax(), FineTuning(negatives=0))


def test_the_game_has_what_its_phases_ask_for(tiny_generator, tiny_text_discriminator):
    training = FineTuning(negatives=8)
    game = SequenceGame(
        tiny_generator(), tiny_text_discriminator(), expected_probability(), Reinforce(0), training
    )
    check_phases(game, fine_tuning_phases(training), {"train": None})
    assert "negatives" in game.players
    assert [penalty.name for penalty in game.penalties] == ["score_l2"]
