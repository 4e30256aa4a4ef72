"""Language models as discriminators: padding, soft tokens, learning, files, and refusals."""

import hashlib
import json

import pytest
import torch
import torch.nn.functional as F

from seqgan_kit.errors import UsageError
from seqgan_kit.evaluation.discriminator_export import load_discriminator, save_discriminator
from seqgan_kit.methods.distilled import gad
from seqgan_kit.methods.distilled.gad import GADMethod
from seqgan_kit.sequences.discriminators.discriminator_choice import (
    DiscriminatorChoice,
    build_discriminator,
)
from seqgan_kit.sequences.estimators.proximal import PolicySettings
from seqgan_kit.sequences.language_models.causal_generator import (
    LanguageModelGenerator,
    StoredLanguageModel,
)
from seqgan_kit.sequences.language_models.reader import ReaderConfig
from seqgan_kit.sequences.reply_training import ReplyTraining

pytest.importorskip("transformers")

BERT = {
    "model_type": "bert",
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 16,
    "hidden_dropout_prob": 0.0,
}
ARCHITECTURES = {
    "gpt2": {"model_type": "gpt2", "n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 16},
    "bert": BERT,
    "roberta": BERT | {"model_type": "roberta"},
}
V, LENGTH = 9, 6


@pytest.fixture
def new_reader(tmp_path):
    def build(kind="gpt2", length=LENGTH, **settings):
        file = tmp_path / "config.json"
        file.write_text(json.dumps(ARCHITECTURES[kind]))
        choice = DiscriminatorChoice("hf", f"config:{file}", hf_reader=ReaderConfig(**settings))
        return build_discriminator(choice, V, length, pad=0, given=2)

    return build


@pytest.mark.parametrize("pooling", ["last", "mean"])
@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_padding_does_not_matter(new_reader, kind, pooling):
    judge = new_reader(kind, pooling=pooling).eval()
    rows = torch.tensor([[3, 0, 4, 5, 2, 0], [3, 4, 5, 2, 0, 0], [3, 4, 5, 6, 2, 0]])
    scores = judge(rows).score
    torch.testing.assert_close(scores[0], scores[1])
    assert (scores[1] - scores[2]).abs() > 1e-6
    torch.testing.assert_close(judge(rows[2:, :5]).score, scores[2:])
    soft = F.one_hot(rows, V).float()
    torch.testing.assert_close(judge(soft).score, scores)


@pytest.mark.parametrize("kind", ["gpt2", "bert"])
def test_checkpointing_changes_no_gradient(new_reader, kind):
    """With dropout, of which the backward pass must draw the same masks again."""
    rows, gradients = torch.tensor([[3, 0, 4, 5, 2, 0], [3, 4, 5, 2, 0, 0]]), []
    for checkpointing in (False, True):
        torch.manual_seed(1)
        judge = new_reader(kind, checkpointing=checkpointing).train()
        judge(rows).score.sum().backward()
        gradients.append({name: p.grad for name, p in judge.named_parameters()})
    torch.testing.assert_close(*gradients)
    assert sum(gradient is not None for gradient in gradients[0].values()) > 20


def test_adapters_and_the_score_are_all_that_learns(new_reader):
    pytest.importorskip("peft")
    judge = new_reader(lora_rank=2)
    learning = {name for name, p in judge.named_parameters() if p.requires_grad}
    assert {name for name in learning if "lora" not in name} == {"score.weight", "score.bias"}
    assert len(learning) > 2


def test_it_is_restored_from_its_files(new_reader, tmp_path):
    judge, folder = new_reader("bert", pooling="mean").eval(), tmp_path / "run" / "model"
    folder.mkdir(parents=True)
    described = save_discriminator(folder, judge) | {"pad": 0}
    weights = "discriminator.safetensors"
    sums = {weights: hashlib.sha256((folder / weights).read_bytes()).hexdigest()}
    model = {"vocabulary": V, "length": LENGTH, "discriminator": described, "sha256": sums}
    (folder / "model.json").write_text(json.dumps(model))
    rows = torch.tensor([[3, 4, 5, 6, 2, 0]])
    again = load_discriminator(folder.parent)
    torch.testing.assert_close(again(rows).score, judge(rows).score)


def test_what_cannot_be_read_is_refused(new_reader):
    with pytest.raises(UsageError, match="rows have 17 tokens, but the discriminator GPT2Model"):
        new_reader(length=17)
    with pytest.raises(UsageError, match="reads at most 14: lower --max-tokens"):
        new_reader("roberta", length=15)
    with pytest.raises(UsageError, match="hf needs a model: give --discriminator hf:FOLDER"):
        build_discriminator(DiscriminatorChoice("hf"), V, LENGTH, pad=0)
    with pytest.raises(UsageError, match="add --tokenizer hf:some/model"):
        build_discriminator(DiscriminatorChoice("hf", "some/model"), V, LENGTH, pad=0)


def test_a_student_with_adapters_has_the_model_without_them_as_reference(new_reader, move):
    pytest.importorskip("peft")
    stored = StoredLanguageModel(architecture=json.dumps(ARCHITECTURES["gpt2"]), lora_rank=2)
    student = LanguageModelGenerator(stored, V, LENGTH - 2, bos=1, eos=2, pad=0, given=2)
    policy = PolicySettings(replies=3, reference="base", kl_weight=0.5)
    training = ReplyTraining(batch_size=2)
    game = gad.build(student, new_reader(), GADMethod(), policy, training)
    assert set(game.players) == {"generator", "discriminator", "experience"}
    real = torch.tensor([[3, 0, 4, 5, 2, 0], [4, 6, 5, 2, 0, 0]])
    game.rule("draw_replies", {"real": real}, move)
    before = student.log_probs(game.experience.fake).detach()
    with torch.no_grad():
        for parameter in student.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape))
    game.rule("reward_replies", {}, move)
    torch.testing.assert_close(game.experience.reference, before)
    assert (game.experience.log_probs - before).abs().max() > 1e-3
    assert game.loss("generator_loss", {}, move).total.isfinite()
