"""Schedules and networks that the presets of text recipes share, so that runs differ in the method only.

``CAPTIONS`` is for short sentences and takes minutes on two cores. ``ORACLE`` is for the world of the
SeqGAN paper (20 tokens out of 5,000) after the paper's pretraining. ``SMOKE`` shows in seconds that
everything works.
"""

from seqgan_kit.sequences.direct_training import DirectTraining
from seqgan_kit.sequences.discriminators.discriminator_choice import DiscriminatorChoice
from seqgan_kit.sequences.discriminators.relgan_discriminator import RelGANCNNConfig
from seqgan_kit.sequences.discriminators.textcnn import TextCNNConfig
from seqgan_kit.sequences.fine_tuning import FineTuning
from seqgan_kit.sequences.generators.generator_choice import GeneratorChoice
from seqgan_kit.sequences.generators.lstm import LSTMConfig

CAPTIONS = FineTuning(
    batch_size=128,
    mle_epochs=15,
    mle_learning_rate=5e-3,
    mle_schedule="linear",
    negatives=1024,
    pretrain_pools=60,
    discriminator_moves=8,
    rounds=90,
    generator_moves=2,
    pools=1,
    teacher_forcing_moves=2,
    generator_learning_rate=5e-4,
    discriminator_learning_rate=2e-3,
    score_l2=0.0,
    most_work=6.0,
    evaluate_every_epochs=2,
)
ORACLE = FineTuning(
    negatives=0,
    pretrain_pools=75,
    discriminator_moves=8,
    rounds=60,
    pools=1,
    generator_learning_rate=1e-3,
    discriminator_learning_rate=1e-3,
)
SMOKE = FineTuning(
    batch_size=32,
    mle_epochs=0.1,
    negatives=64,
    pretrain_pools=1,
    discriminator_moves=2,
    rounds=2,
    pools=1,
    evaluate_every_rounds=1,
)
CAPTIONS_DIRECT = DirectTraining(
    batch_size=128,
    mle_epochs=15,
    mle_learning_rate=5e-3,
    mle_schedule="linear",
    rounds=30,
    generator_moves=12,
    generator_learning_rate=5e-4,
    most_work=6.0,
    evaluate_every_epochs=2,
)
SMOKE_DIRECT = DirectTraining(
    batch_size=32, mle_epochs=0.1, rounds=2, generator_moves=2, evaluate_every_rounds=1
)

CAPTIONS_LSTM = GeneratorChoice(lstm=LSTMConfig(embedding=64, hidden=128))

CAPTIONS_CNN = DiscriminatorChoice(
    textcnn=TextCNNConfig(embedding=64, filters=((2, 128), (3, 128), (4, 128)), dropout=0.1)
)
ORACLE_CNN = DiscriminatorChoice(
    textcnn=TextCNNConfig(filters=((1, 64), (2, 128), (3, 128), (4, 64)))
)
SMOKE_CNN = DiscriminatorChoice(textcnn=TextCNNConfig(embedding=16, filters=((2, 8), (3, 8))))
SMALL_RELGAN_CNN = DiscriminatorChoice(
    "relgan_cnn", relgan_cnn=RelGANCNNConfig(16, filters=((2, 64), (3, 64), (4, 64)))
)
