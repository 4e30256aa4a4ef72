"""The types of ``import seqgan_kit as sk``; what each name is loaded from stands in ``__init__.py``."""

from seqgan_kit import errors as errors
from seqgan_kit.core import objectives as objectives
from seqgan_kit.core import penalties as penalties
from seqgan_kit.core.adversarial import AdversarialGame as AdversarialGame
from seqgan_kit.core.adversarial import Pathwise as Pathwise
from seqgan_kit.core.discriminator import Critique as Critique
from seqgan_kit.core.discriminator import Discriminator as Discriminator
from seqgan_kit.core.estimators import BoundarySeeking as BoundarySeeking
from seqgan_kit.core.feeds import JoinedFeed as JoinedFeed
from seqgan_kit.core.feeds import TensorFeed as TensorFeed
from seqgan_kit.core.game import EarlyStop as EarlyStop
from seqgan_kit.core.game import Epochs as Epochs
from seqgan_kit.core.game import Game as Game
from seqgan_kit.core.game import Loss as Loss
from seqgan_kit.core.game import Move as Move
from seqgan_kit.core.game import Phase as Phase
from seqgan_kit.core.game import Reached as Reached
from seqgan_kit.core.game import Turn as Turn
from seqgan_kit.core.objectives import Objective as Objective
from seqgan_kit.core.optimizers import Optimizer as Optimizer
from seqgan_kit.core.penalties import GradientPenalty as GradientPenalty
from seqgan_kit.core.pools import Pool as Pool
from seqgan_kit.core.training.hooks import Hooks as Hooks
from seqgan_kit.core.training.round_report import RoundReport as RoundReport
from seqgan_kit.evaluation.objectives.row_objectives import text_objective as text_objective
from seqgan_kit.face.game_trainer import GameTrainer as Trainer
from seqgan_kit.face.image_model import TrainedImageModel as TrainedImageModel
from seqgan_kit.face.line_judge import LineJudge as LineJudge
from seqgan_kit.face.line_scores import bleu as bleu
from seqgan_kit.face.line_scores import evaluate as evaluate
from seqgan_kit.face.line_scores import self_bleu as self_bleu
from seqgan_kit.face.loading import load as load
from seqgan_kit.face.recipe_runs import RecipeRun as RecipeRun
from seqgan_kit.face.recipe_runs import run as run
from seqgan_kit.face.scorecard import Scorecard as Scorecard
from seqgan_kit.face.text_model import TrainedTextModel as TrainedTextModel
from seqgan_kit.sequences.estimators.gumbel import GumbelSoftmax as GumbelSoftmax
from seqgan_kit.sequences.estimators.reinforce import Reinforce as Reinforce
from seqgan_kit.sequences.estimators.rewards import Reward as Reward
from seqgan_kit.sequences.fine_tuning import FineTuning as FineTuning
from seqgan_kit.sequences.generators.autoregressive import SequenceGenerator as SequenceGenerator
from seqgan_kit.sequences.sequence_game import SequenceGame as SequenceGame
from seqgan_kit.sequences.soft_tokens import embed as embed

__version__: str

__all__ = [
    "AdversarialGame",
    "BoundarySeeking",
    "Critique",
    "Discriminator",
    "EarlyStop",
    "Epochs",
    "FineTuning",
    "Game",
    "GradientPenalty",
    "GumbelSoftmax",
    "Hooks",
    "JoinedFeed",
    "LineJudge",
    "Loss",
    "Move",
    "Objective",
    "Optimizer",
    "Pathwise",
    "Phase",
    "Pool",
    "Reached",
    "RecipeRun",
    "Reinforce",
    "Reward",
    "RoundReport",
    "Scorecard",
    "SequenceGame",
    "SequenceGenerator",
    "TensorFeed",
    "TrainedImageModel",
    "TrainedTextModel",
    "Trainer",
    "Turn",
    "__version__",
    "bleu",
    "embed",
    "errors",
    "evaluate",
    "load",
    "objectives",
    "penalties",
    "run",
    "self_bleu",
    "text_objective",
]
