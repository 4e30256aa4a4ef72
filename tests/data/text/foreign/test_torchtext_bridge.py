import io
import warnings
from collections import Counter

import pytest
import torch

from seqgan_kit.data.text.foreign.torchtext_bridge import (
    id_map,
    pretrained_embedding,
    tokenizer_from_vocab,
    vocab_from_tokenizer,
)
from seqgan_kit.data.text.tokenizer import BOS, EOS, PAD, UNK
from seqgan_kit.data.text.tokenizers import WordTokenizer, train_tokenizer
from seqgan_kit.errors import DataError, UsageError

with warnings.catch_warnings():
    # The package is from 2020; nothing here depends on what it warns of when imported.
    warnings.simplefilter("ignore", DeprecationWarning)
    torchtext_vocab = pytest.importorskip("torchtext.vocab")

LINES = ["the cat sees the dog", "the cat sleeps"]


@pytest.fixture
def vocab():
    counts = Counter(word for line in LINES for word in line.split())
    return torchtext_vocab.Vocab(counts, specials=["<unk>", "<pad>", "<sos>", "<eos>"])


def test_a_vocab_becomes_a_tokenizer_with_its_words_in_its_order(vocab):
    tokenizer = tokenizer_from_vocab(vocab)
    assert list(tokenizer.vocabulary[4:]) == vocab.itos[4:]
    assert tokenizer.decode(tokenizer.encode("the dog sleeps")) == "the dog sleeps"
    assert tokenizer.encode("zebra") == [UNK]


def test_old_ids_are_renumbered(vocab):
    tokenizer = tokenizer_from_vocab(vocab)
    old = torch.tensor([vocab.stoi[w] for w in ["<sos>", "the", "cat", "zebra", "<eos>", "<pad>"]])
    new = id_map(vocab, tokenizer)[old].tolist()
    assert new == [BOS, *tokenizer.encode("the cat"), UNK, EOS, PAD]


def test_a_tokenizer_becomes_a_vocab_with_the_same_ids():
    tokenizer = train_tokenizer("word", LINES)
    vocab = vocab_from_tokenizer(tokenizer, LINES)
    assert tuple(vocab.itos) == tokenizer.vocabulary
    assert [vocab.stoi[w] for w in ["the", "dog", "zebra"]] == tokenizer.encode("the dog zebra")
    assert vocab.freqs["the"] == 3
    assert torch.equal(id_map(vocab, tokenizer), torch.arange(len(vocab)))
    assert tokenizer_from_vocab(vocab).vocabulary == tokenizer.vocabulary


GLOVE = "the 1 2 3\ncat 4 5 6\ndog 7 8 9\nunused 0 0 0\n. . 1 1 1\n"


def test_a_glove_file_is_aligned_to_the_tokenizer(tmp_path):
    (tmp_path / "glove.txt").write_text(GLOVE)
    tokenizer = WordTokenizer(["cat", "The", "sleeps", "dog"])
    rng = torch.Generator().manual_seed(3)
    embedding = pretrained_embedding(tmp_path / "glove.txt", tokenizer, rng=rng)
    matrix = embedding.matrix
    assert matrix.shape == (8, 3)
    assert matrix[tokenizer.encode("cat The dog")].tolist() == [[4, 5, 6], [1, 2, 3], [7, 8, 9]]
    assert embedding.found.tolist() == [False] * 4 + [True, True, False, True]
    assert matrix[PAD].tolist() == [0, 0, 0]
    assert embedding.line() == "pretrained vectors for 3 of 4 words"
    again = pretrained_embedding(
        tmp_path / "glove.txt", tokenizer, rng=torch.Generator().manual_seed(3)
    )
    assert torch.equal(again.matrix, matrix)


def test_words_without_a_vector_start_at_the_scale_of_the_others(tmp_path):
    rng = torch.Generator().manual_seed(0)
    vectors = 0.3 * torch.randn((500, 8), generator=rng) + 0.1
    rows = [f"w{i} {' '.join(f'{x:.5f}' for x in v)}" for i, v in enumerate(vectors.tolist())]
    (tmp_path / "v.txt").write_text("500 8\n" + "\n".join(rows) + "\n")
    tokenizer = WordTokenizer([f"w{i}" for i in range(1000)])
    embedding = pretrained_embedding(tmp_path / "v.txt", tokenizer, rng=rng)
    unknown = embedding.matrix[~embedding.found][1:]
    assert int(embedding.found.sum()) == 500
    assert unknown.std() == pytest.approx(0.3, rel=0.1)
    assert unknown.mean() == pytest.approx(0.1, abs=0.03)


def test_torchtext_vectors_are_aligned_to_the_tokenizer(tmp_path):
    (tmp_path / "glove.txt").write_text("the 1 2 3\ncat 4 5 6\ndog 7 8 9\n")
    tokenizer = train_tokenizer("word", LINES)
    with warnings.catch_warnings():
        # torchtext caches with torch.save and shows a progress bar; both are its own affair.
        warnings.simplefilter("ignore")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stderr", io.StringIO())
            vectors = torchtext_vocab.Vectors(str(tmp_path / "glove.txt"), cache=str(tmp_path))
    embedding = pretrained_embedding(vectors, tokenizer, rng=torch.Generator().manual_seed(0))
    for word in ("the", "cat", "dog"):
        assert torch.equal(embedding.matrix[tokenizer.encode(word)[0]], vectors[word])
    assert int(embedding.found.sum()) == 3


def test_mistakes_are_named(tmp_path):
    tokenizer, rng = WordTokenizer(["cat"]), torch.Generator()
    with pytest.raises(UsageError, match="expected a torchtext Vocab, got dict"):
        tokenizer_from_vocab({})
    with pytest.raises(DataError, match=r"the file of vectors .* does not exist"):
        pretrained_embedding(tmp_path / "none.txt", tokenizer, rng=rng)
    (tmp_path / "a.txt").write_text("chat 1 2\n")
    with pytest.raises(DataError, match="none of the tokenizer's words has a vector"):
        pretrained_embedding(tmp_path / "a.txt", tokenizer, rng=rng)
    (tmp_path / "a.txt").write_text("dog 1 2\ncat 1 x\n")
    with pytest.raises(
        DataError, match=r"line 2 of .* is not a word followed by 2 numbers: 'cat 1 x"
    ):
        pretrained_embedding(tmp_path / "a.txt", tokenizer, rng=rng)


def test_a_missing_torchtext_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torchtext.vocab", None)
    with pytest.raises(UsageError, match=r"pip install 'seqgan-kit\[torchtext\]'"):
        vocab_from_tokenizer(WordTokenizer(["cat"]))
