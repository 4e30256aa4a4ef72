"""Phases of adversarial training on groups of replies: pretraining of G and D, then rounds."""

from __future__ import annotations

from dataclasses import dataclass

from seqgan_kit.core.bounds import Cap, Count, Every, Positive, Weight, bounded
from seqgan_kit.core.game import Phase, Turn, spread_evenly
from seqgan_kit.core.optimizers import Optimizer, Schedule
from seqgan_kit.sequences.estimators.proximal import PolicySettings
from seqgan_kit.sequences.fine_tuning import ADVERSARIAL, pretrain_generator


@dataclass(frozen=True)
@bounded
class ReplyTraining:
    """Settings of pretraining on real replies and of the rounds after it, for small networks."""

    batch_size: Positive = 32
    """Conditions in a batch; each has one real reply."""
    pretrained: str = ""
    """Run directory whose generator is used instead of pretraining one."""
    mle_epochs: Weight = 3.0
    """Epochs of supervised fine-tuning (maximum likelihood); 0 and fractions are allowed."""
    mle_learning_rate: Weight = 3e-3
    """Adam's learning rate in supervised fine-tuning."""
    mle_schedule: Schedule = "linear"
    """How this learning rate falls over the epochs."""
    mle_patience_evaluations: Count = 0
    """Evaluations without an improvement of held-out likelihood after which fine-tuning ends and restores the
    best weights (0: train all epochs)."""
    pretrain_pools: Count = 100
    """Batches of replies in D's pretraining."""
    rounds: Count = 200
    """Adversarial rounds: a batch of replies each."""
    discriminator_moves: Positive = 1
    """Updates of D on a batch of replies."""
    freeze_discriminator: bool = False
    """Control: D stays in the rounds as its pretraining left it."""
    teacher_forcing_moves: Count = 0
    """Maximum-likelihood updates of G per round, at its adversarial learning rate."""
    generator_learning_rate: Weight = 2e-4
    """Adam's learning rate of G in adversarial rounds."""
    discriminator_learning_rate: Weight = 1e-3
    """Adam's learning rate of D."""
    clip_norm: Cap = 1.0
    """Largest gradient norm of G; larger gradients are scaled down to it."""
    discriminator_clip_norm: Weight = 1.0
    """Largest gradient norm of D; 0: no limit."""
    most_work: Weight = 0.0
    """Most work that a part of the run may take on your text, as a multiple of its work on the bundled
    captions; preset lengths are shortened to fit (0: never). Lengths given as flags are kept."""
    evaluate_every_epochs: Every = 1
    """Epochs of pretraining between evaluations."""
    evaluate_every_rounds: Every = 0
    """Adversarial rounds between evaluations (0: about 20 evaluations, evenly spaced)."""


def reply_phases(training: ReplyTraining, settings: PolicySettings) -> tuple[Phase, ...]:
    """Return the phases: pretrain G, keep the reference, pretrain D, then rounds of both."""
    update = Optimizer(training.generator_learning_rate, clip_norm=training.clip_norm)
    judge = Optimizer(
        training.discriminator_learning_rate, clip_norm=training.discriminator_clip_norm or None
    )
    write = Turn(("experience",), rule="draw_replies")
    reward = Turn(("experience",), rule="reward_replies", feed=None)
    learn = Turn(
        ("generator", "experience"),
        loss="generator_loss",
        optimizer=update,
        moves=settings.generator_moves,
        feed=None,
    )
    teach = Turn(
        ("generator",), loss="mle_loss", optimizer=update, moves=training.teacher_forcing_moves
    )
    discriminate = Turn(
        ("discriminator", "experience"),
        loss="discriminator_loss",
        optimizer=judge,
        moves=training.discriminator_moves,
        feed=None,
    )
    every = training.evaluate_every_rounds or spread_evenly(training.rounds)
    copies = settings.kl_weight > 0 and settings.reference == "copy"
    keep = Turn(("reference",), rule="keep_reference", feed=None)
    return (
        pretrain_generator(training),
        *((_silent("keep-reference", (keep,), 1),) if copies else ()),
        _silent("pretrain-discriminator", (write, discriminate), training.pretrain_pools),
        Phase(
            ADVERSARIAL,
            (
                write,
                reward,
                learn,
                *((teach,) if training.teacher_forcing_moves else ()),
                *(() if training.freeze_discriminator else (discriminate,)),
            ),
            rounds=training.rounds,
            evaluate_every_rounds=every,
            sample_every_rounds=every,
        ),
    )


def _silent(name: str, turns: tuple[Turn, ...], rounds: int) -> Phase:
    return Phase(name, turns, rounds=rounds, evaluate_every_rounds=-1, sample_every_rounds=-1)
