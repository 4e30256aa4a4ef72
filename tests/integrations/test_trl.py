"""A discriminator as reward function of TRL: rewards, learning, resumption, chats, refusals."""

import json
import math
import sys
import warnings

import pytest
import torch
import torch.nn.functional as F

from seqgan_kit.errors import CheckpointError, DataError, UsageError
from seqgan_kit.sequences.discriminators.discriminator_choice import DiscriminatorChoice
from seqgan_kit.sequences.discriminators.transformer_reader import TransformerReaderConfig

tokenizers = pytest.importorskip("tokenizers")
transformers = pytest.importorskip("transformers")

from seqgan_kit.integrations.trl import DiscriminatorReward  # noqa: E402

WORDS = ["<end>", "<unk>", "the", "cat", "dog", "sleeps", "runs", "user", "assistant", ":"]
GPT2 = {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 32}
SMALL = DiscriminatorChoice(
    "transformer_reader", transformer_reader=TransformerReaderConfig(8, 2, 1, dropout=0.0)
)
PROMPTS = ["the cat", "the dog"] * 2
REPLIES = ["sleeps", "runs runs", "the", "cat dog cat dog"]
REAL = ["sleeps sleeps", "runs", "sleeps", "runs the"]


@pytest.fixture(scope="module")
def tokenizer():
    words = tokenizers.models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<unk>")
    whole = tokenizers.Tokenizer(words)
    whole.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=whole, eos_token="<end>", unk_token="<unk>", pad_token="<end>"
    )


@pytest.fixture
def new_reward(tokenizer):
    def build(discriminator=SMALL, **settings):
        known = {"prompt_tokens": 4, "completion_tokens": 5, "learning_rate": 1e-2, "device": "cpu"}
        return DiscriminatorReward(discriminator, tokenizer, **(known | settings))

    return build


def weights(reward):
    return torch.cat([p.detach().flatten().clone() for p in reward.discriminator.parameters()])


def test_rows_keep_a_prompts_end_and_a_replys_beginning(new_reward):
    rows = new_reward().rows.encode(
        ["the cat the dog sleeps", "cat"], ["runs", "the the the the the the"]
    )
    # Ids of words are shifted by the four special ones: PAD 0, EOS 2; "the" 2 -> 6.
    assert rows.tolist() == [[7, 6, 8, 9, 10, 2, 0, 0, 0], [7, 0, 0, 0, 6, 6, 6, 6, 6]]


def test_a_call_returns_the_scores_before_learning_and_logs_the_loss(new_reward):
    """The loss is -log sigma(D(x, y_ref) - D(x, y_gen)), computed here from the scores themselves."""
    reward = new_reward(clip_norm=None)
    with torch.no_grad():
        fake = reward.discriminator.eval()(reward.rows.encode(PROMPTS, REPLIES)).score
        real = reward.discriminator(reward.rows.encode(PROMPTS, REAL)).score
    logged = {}
    found = reward(PROMPTS, REPLIES, reference=REAL, log_metric=logged.__setitem__, other=[1] * 4)
    assert found == pytest.approx(fake.tolist())
    assert logged["discriminator_loss"] == pytest.approx(float(-F.logsigmoid(real - fake).mean()))
    assert logged["score_gap"] == pytest.approx(float(real.mean() - fake.mean()))
    assert reward(PROMPTS, REPLIES, reference=REAL) != found


def test_it_learns_to_prefer_real_replies(new_reward):
    reward = new_reward(updates=3)
    logged = {}
    for _ in range(20):
        reward(PROMPTS, REPLIES, reference=REAL, log_metric=logged.__setitem__)
    assert logged["discriminator_loss"] < math.log(2) / 4
    assert logged["discriminator_accuracy"] == 1


def test_warm_up_rewards_nothing_and_lets_d_learn(new_reward):
    reward = new_reward(warm_up_calls=1)
    before = weights(reward)
    assert reward(PROMPTS, REPLIES, reference=REAL) == [0.0] * 4
    assert not torch.equal(weights(reward), before)
    assert len(set(reward(PROMPTS, REPLIES, reference=REAL))) > 1


def test_d_stays_as_it_is_while_the_trainer_evaluates(new_reward):
    reward = new_reward()
    reward.policy = torch.nn.Linear(1, 1).eval()
    before = weights(reward)
    assert len(reward(PROMPTS, REPLIES, reference=REAL)) == 4
    assert torch.equal(weights(reward), before)


def test_chats_are_read_as_their_template_writes_them(new_reward, tokenizer, monkeypatch):
    reward = new_reward()
    prompt = [{"role": "user", "content": "the cat"}]
    parts = [{"role": "assistant", "content": [{"type": "text", "text": "sleeps"}]}]
    as_lines = reward.rows.encode([prompt], [parts])
    assert as_lines.tolist() == reward.rows.encode(["user: the cat"], ["sleeps"]).tolist()
    template = "{% for m in messages %}{{ m.content }} : {% endfor %}assistant"
    monkeypatch.setattr(tokenizer, "chat_template", template)
    expected = reward.rows.encode(["the cat : assistant"], ["sleeps"]).tolist()
    assert reward.rows.encode([prompt], [parts]).tolist() == expected
    rewards = reward([prompt], [parts], reference=[[{"role": "assistant", "content": "runs"}]])
    assert len(rewards) == 1


def test_a_language_model_reads_rows_without_common_padding(new_reward, tmp_path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps(GPT2))
    reward = new_reward(f"hf:config:{file}")
    rows = reward.rows.encode(PROMPTS, REPLIES)
    with torch.no_grad():
        whole = reward.discriminator.eval()(rows).score
    assert reward._trimmed(rows).shape == (4, 7)
    assert reward(PROMPTS, REPLIES, reference=REAL) == pytest.approx(whole.tolist(), abs=1e-5)


def test_what_cannot_be_used_is_refused_in_a_sentence(new_reward, tokenizer, tmp_path):
    reward = new_reward()
    with pytest.raises(
        DataError, match=r"no column 'reference' .* .it has reply, source.: add it, or"
    ):
        reward(PROMPTS, REPLIES, reply=REAL, source=REAL, completion_ids=[[1]] * 4)
    with pytest.raises(DataError, match="has 3 replies to 4 prompts, and D needs one for each"):
        reward(PROMPTS, REPLIES, reference=[*REAL[:3], ""])
    with pytest.raises(UsageError, match="no tokenizer of its own: give DiscriminatorReward"):
        DiscriminatorReward("textcnn")
    with pytest.raises(UsageError, match="int is no fast tokenizer of transformers"):
        DiscriminatorReward("textcnn", 3)
    with pytest.raises(DataError, match="no tokenizer can be loaded from"):
        DiscriminatorReward("textcnn", tmp_path)
    with pytest.raises(UsageError, match="unknown discriminator 'text-cnn'"):
        new_reward("text-cnn")
    with pytest.raises(UsageError, match="step_reader has several scores of a reply"):
        new_reward("step_reader")
    with pytest.raises(UsageError, match="updates must be 1 or more"):
        new_reward(updates=0)
    reward.save(tmp_path / "reward.pt")
    with pytest.raises(CheckpointError, match="holds another discriminator"):
        new_reward("textcnn").load(tmp_path / "reward.pt")


@pytest.fixture(scope="module")
def trl():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("trl")


@pytest.fixture
def new_trainer(trl, tokenizer, tmp_path):
    datasets = pytest.importorskip("datasets")

    def build(reward, steps, chats=False):
        torch.manual_seed(0)
        ids = {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0}
        shape = {key: value for key, value in GPT2.items() if key != "model_type"} | ids
        model = transformers.GPT2LMHeadModel(
            transformers.GPT2Config(vocab_size=len(WORDS), **shape)
        )
        rows = {"prompt": PROMPTS * 2, "reference": REAL * 2}
        if chats:
            roles = {"prompt": "user", "reference": "assistant"}
            rows = {
                name: [[{"role": roles[name], "content": text}] for text in texts]
                for name, texts in rows.items()
            }
        settings = trl.GRPOConfig(
            output_dir=str(tmp_path / "out"),
            max_steps=steps,
            save_steps=2,
            per_device_train_batch_size=4,
            num_generations=2,
            max_completion_length=4,
            learning_rate=1e-2,
            logging_steps=1,
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
        )
        return trl.GRPOTrainer(
            model=model,
            reward_funcs=reward,
            args=settings,
            train_dataset=datasets.Dataset.from_dict(rows),
            processing_class=tokenizer,
            callbacks=[reward.callback()],
        )

    return build


@pytest.mark.filterwarnings("ignore")
def test_grpo_trains_with_it_and_resumes_with_the_same_d(new_reward, new_trainer, tmp_path):
    whole = new_reward()
    fresh = weights(whole)
    trainer = new_trainer(whole, 4)
    trainer.train()
    logged = trainer.state.log_history[0]
    assert {"discriminator_loss", "discriminator_accuracy"} <= set(logged)
    assert "rewards/discriminator_reward/mean" in logged
    assert whole.calls == 4
    assert not torch.equal(weights(whole), fresh)
    assert not [name for name in sys.modules if name.startswith("torchvision")]

    middle = tmp_path / "out" / "checkpoint-2"
    resumed = new_reward(seed=1)
    new_trainer(resumed, 4).train(resume_from_checkpoint=str(middle))
    assert resumed.calls == 4
    torch.testing.assert_close(weights(resumed), weights(whole), rtol=0, atol=0)

    (middle / "discriminator_reward.pt").unlink()
    with pytest.raises(CheckpointError, match=r"resumes at step 2, but there is no .*reward\.load"):
        new_trainer(new_reward(), 4).train(resume_from_checkpoint=str(middle))


@pytest.mark.filterwarnings("ignore")
def test_grpo_trains_on_chats(new_reward, new_trainer, tokenizer, monkeypatch):
    template = "{% for m in messages %}{{ m.content }} : {% endfor %}"
    monkeypatch.setattr(tokenizer, "chat_template", template)
    reward = new_reward()
    new_trainer(reward, 1, chats=True).train()
    assert reward.calls == 1
