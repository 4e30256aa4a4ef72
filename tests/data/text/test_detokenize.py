"""Tokens back to text: the rules one by one, and what splitting the text again gives."""

from __future__ import annotations

import pytest

from seqgan_kit.data.text.detokenize import as_written, detokenize
from seqgan_kit.data.text.tokenizers import CharTokenizer, WordTokenizer


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("a cat , a dog .", "a cat, a dog."),
        ("really ? yes ! ( no ) [ 1 ] { x } ; ok : fine", "really? yes! (no) [1] {x}; ok: fine"),
        ("wait . . . what", "wait... what"),
        ('he said " no " twice .', 'he said "no" twice.'),
        ("`` no '' , he said", '"no", he said'),
        ('" a " and " b "', '"a" and "b"'),
        ("the cat 's toy was n't hers , i 'm sure", "the cat's toy wasn't hers, i'm sure"),
        ("the cat ' s toy", "the cat's toy"),
        ("the dogs ' bowls", "the dogs' bowls"),
        ("a ' big ' cat", "a 'big' cat"),
        ("it cost $ 5 , or 3 % of # 1", "it cost $5, or 3% of #1"),
        ("a - b - - c", "a - b -- c"),
        ("a black @-@ and @-@ white cat", "a black-and-white cat"),
        ("the cat &apos;s &quot; toy &quot; &amp; bowl", 'the cat\'s "toy" & bowl'),
        ("« bon » , ¿ sí ?", "«bon», ¿sí?"),
        ("\u2581the \u2581c at s \u2581sleep", "the cats sleep"),
        ("the@@ se ca@@ ts", "these cats"),
        ("", ""),
        (".", "."),
        ("' tis", "' tis"),
    ],
)
def test_the_rules(tokens: str, text: str) -> None:
    assert detokenize(tokens) == text


def test_capitals_only_where_they_were_taken_away() -> None:
    line = 'hello . i think " it is " . so i do !'
    assert detokenize(line, recase=True) == 'Hello. I think "it is". So I do!'
    assert detokenize(line) == 'hello. i think "it is". so i do!'
    folded = WordTokenizer(("a", "cat", "."), lowercase=True)
    assert as_written("a cat .", folded) == "A cat."
    assert as_written("a cat .", WordTokenizer(("a", "cat", "."))) == "a cat."


@pytest.mark.parametrize(
    "text",
    [
        "A man, riding his bike, waves.",
        '"Never," she said; "not once!" (But why?)',
        "It's 3.5% of $40, isn't it?",
        "The state-of-the-art cat -- a tabby -- naps...",
        "To be, or not to be: that is the question.",
        "What?! No, it can't be.",
        "Plain words without any",
    ],
)
def test_written_text_comes_back_from_its_tokens(text: str) -> None:
    """Splitting and joining again gives the text; joining what was never split changes nothing."""
    tokenizer = WordTokenizer(())
    assert detokenize(tokenizer.normalise(text)) == text
    assert detokenize(text) == text
    folded = WordTokenizer((), lowercase=True)
    if text[0] != '"':
        back = detokenize(folded.normalise(text), recase=True)
        assert back.lower() == text.lower()
        assert back[0] == text[0]


def test_splitting_the_text_again_gives_the_tokens() -> None:
    tokenizer = WordTokenizer(())
    for line in ("a cat , a dog .", '" no " , he said ( twice ) !', "wait . . . what ?"):
        assert tokenizer.normalise(detokenize(line)) == line


def test_characters_are_the_text_itself() -> None:
    assert as_written("A , B | C :", CharTokenizer(())) == "A , B | C :"
