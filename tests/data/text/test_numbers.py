"""Tokens that are mere numbers: nothing is special, nothing is unknown."""

import pytest

from seqgan_kit.data.text.numbers import NumberTokenizer
from seqgan_kit.data.text.tokenizer import BOS, EOS, PAD
from seqgan_kit.data.text.tokenizers import load_tokenizer, train_tokenizer
from seqgan_kit.errors import DataError, UsageError


def test_ids_are_their_own_names(tmp_path):
    tokenizer = NumberTokenizer(5000)
    assert tokenizer.encode("17 4  3999 0 2") == [17, 4, 3999, 0, 2]
    assert tokenizer.decode([17, 4, 3999, 0, 2]) == "17 4 3999 0 2"  # 0 and 2 end and hide nothing
    assert tokenizer.words("17 4") == ["17", "4"]
    assert tokenizer.normalise(" 007  4 ") == "7 4"
    tokenizer.save(tmp_path / "tokenizer.json")
    again = load_tokenizer(tmp_path / "tokenizer.json")
    assert (again.kind, again.vocabulary_size) == ("number", 5000)
    assert (again.bos, again.eos, again.pad) == (0, None, None)
    assert again.to_dict() == tokenizer.to_dict()


@pytest.mark.parametrize("word", ["9", "-1", "1.0", "cat", "²"])
def test_what_is_no_token_is_refused(word):
    with pytest.raises(DataError, match="tokens are whole numbers from 0 to 8"):
        NumberTokenizer(9).encode(f"1 {word}")


def test_one_number_is_no_vocabulary():
    with pytest.raises(UsageError, match="size is 1; it must be at least 2"):
        NumberTokenizer(1)


@pytest.mark.parametrize("kind", ["word", "char", "unigram", "bpe"])
def test_text_tokenizers_say_which_ids_are_special(kind):
    tokenizer = train_tokenizer(kind, ["a black cat", "a white cat"])
    assert (tokenizer.bos, tokenizer.eos, tokenizer.pad) == (BOS, EOS, PAD)
