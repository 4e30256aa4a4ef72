"""Settings as plain data: there and back, files, and errors that name the setting."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from seqgan_kit.core.files.settings_files import read_settings
from seqgan_kit.core.runs.settings import merged, to_dict
from seqgan_kit.errors import UsageError


@dataclass(frozen=True)
class Network:
    width: int = 32
    dropout: float = 0.1
    filters: tuple[tuple[int, int], ...] | None = None
    kind: Literal["lstm", "gru"] = "lstm"
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    seed: int = 0
    rate: float = 0.5
    betas: tuple[float, float] = (0.9, 0.99)
    out: Path | None = None
    quiet: bool = False
    name: str = "x"
    network: Network = field(default_factory=Network)

    def __post_init__(self) -> None:
        if self.rate < 0:
            raise UsageError("rate is negative.")


FULL = Settings(
    3,
    0.25,
    (0.5, 0.75),
    Path("a/b"),
    True,
    "y",
    Network(8, 0.0, ((1, 2), (3, 4)), "gru", {"coat": ("black",)}),
)


@pytest.mark.parametrize("settings", [Settings(), FULL])
def test_settings_survive_json(settings):
    """As config.json holds them: tuples become lists, paths text, and all come back as they were."""
    assert merged(Settings(), json.loads(json.dumps(to_dict(settings)))) == settings


def test_nested_settings_are_merged_one_by_one():
    assert merged(FULL, {"network": {"width": 5}}).network == Network(
        5, 0.0, ((1, 2), (3, 4)), "gru", {"coat": ("black",)}
    )
    assert merged(FULL, {"network": {"filters": None}}).network.filters is None
    assert merged(FULL, {}) == FULL


YAML = """
seed: 7
rate: 1e-3
betas: [0.1, 1]
out: runs/mine
quiet: true
network:
  dropout: 0
  filters: [[1, 10], [2, 20]]
  kind: gru
"""
TOML = """
seed = 7
rate = 1e-3
betas = [0.1, 1]
out = "runs/mine"
quiet = true
[network]
dropout = 0
filters = [[1, 10], [2, 20]]
kind = "gru"
"""


@pytest.mark.parametrize(("suffix", "text"), [("yaml", YAML), ("yml", YAML), ("toml", TOML)])
def test_a_file_says_what_it_says_in_either_language(tmp_path, suffix, text):
    path = tmp_path / f"settings.{suffix}"
    path.write_text(text, encoding="utf-8")
    read = merged(Settings(), read_settings(path))
    network = Network(32, 0.0, ((1, 10), (2, 20)), "gru")
    assert read == Settings(7, 0.001, (0.1, 1.0), Path("runs/mine"), True, "x", network)
    assert isinstance(read.network.dropout, float)
    assert isinstance(read.betas[1], float)


@pytest.mark.parametrize(
    ("text", "value"), [("1e-3", 1e-3), ("1E3", 1e3), ("1.5e3", 1.5e3), ("-2.e+2", -200.0)]
)
def test_powers_of_ten_need_no_dot(tmp_path, text, value):
    """YAML 1.1 takes 1e-3 for text."""
    path = tmp_path / "settings.yaml"
    path.write_text(f"dropout: {text}", encoding="utf-8")
    assert merged(Network(), read_settings(path)).dropout == value


def test_json_is_yaml(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(to_dict(FULL)), encoding="utf-8")
    assert merged(Settings(), read_settings(path)) == FULL


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sead": 1}, r"unknown setting 'sead'\. Did you mean 'seed'\? Allowed: betas, name, "),
        ({"network": {"widht": 1}}, r"unknown setting of network 'widht'\. Did you mean 'width'\?"),
        ({1: 2}, r"unknown setting '1'\."),
        ({"seed": "three"}, r"seed is 'three', which is not a int"),
        ({"seed": 1.5}, r"seed is 1\.5"),
        ({"seed": True}, r"seed is True"),
        ({"seed": None}, r"seed is None"),
        ({"quiet": 1}, r"quiet is 1, which is not a bool"),
        ({"rate": True}, r"rate is True"),
        ({"rate": "fast"}, r"rate is 'fast', which is not a float"),
        ({"name": 3}, r"name is 3, which is not a str"),
        ({"betas": [0.1]}, r"betas needs 2 values, not 1"),
        ({"betas": 0.1}, r"betas is 0\.1"),
        ({"network": 3}, r"network is 3, which is not a Network"),
        (
            {"network": {"kind": "lstn"}},
            r"unknown value of network\.kind 'lstn'\. Did you mean 'lstm'",
        ),
        ({"network": {"classes": ["black"]}}, r"network\.classes is \['black'\]"),
        (
            {"network": {"classes": {"coat": [1]}}},
            r"network\.classes is 1, which is not a str",
        ),
        ({"network": {"filters": [[1, "x"]]}}, r"network\.filters is \[\[1, 'x'\]\]"),
    ],
)
def test_wrong_settings_are_named(changes, message):
    with pytest.raises(UsageError, match=message):
        merged(Settings(), changes)


def test_a_configurations_own_checks_are_made():
    with pytest.raises(UsageError, match="rate is negative"):
        merged(Settings(), {"rate": -1})


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.yaml", b"a: [1", r"a\.yaml cannot be read"),
        ("a.toml", b"a = = 1", r"a\.toml cannot be read"),
        ("a.yaml", b"- 1\n- 2", r"a\.yaml must hold settings by name, such as 'seed: 3'"),
        ("a.yaml", b"", r"must hold settings by name"),
        ("a.yaml", b"\xff\xfe\x00", r"a\.yaml cannot be read"),
        ("a.yaml", b"a: !!python/object/apply:os.getcwd []", r"a\.yaml cannot be read"),
    ],
)
def test_unreadable_files_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_settings(tmp_path / name)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"the settings file .*nothing\.yaml does not exist"):
        read_settings(tmp_path / "nothing.yaml")


@dataclass(frozen=True)
class _Inner:
    rounds: int = 1
    width: int = 2


@dataclass(frozen=True)
class _Other:
    width: int = 3


@dataclass(frozen=True)
class _Outer:
    method: _Inner = _Inner()
    network: _Other = _Other()


def test_a_name_that_one_nested_configuration_has_needs_no_owner():
    changed = merged(_Outer(), {"rounds": 7, "method": {"width": 9}})
    assert changed == _Outer(_Inner(rounds=7, width=9))


def test_a_name_that_two_nested_configurations_have_needs_its_owner():
    with pytest.raises(UsageError, match="unknown setting 'width'"):
        merged(_Outer(), {"width": 7})


@dataclass(frozen=True)
class _Choice:
    writer: str = "lstm"
    width: int = 3


@dataclass(frozen=True)
class _Recipe:
    writer: _Choice = field(default_factory=_Choice)


def test_a_group_may_have_the_name_of_its_choice():
    """`writer: gru` in a file says what `--writer gru` says; so does the group in full."""
    assert merged(_Recipe(), {"writer": "gru"}).writer == _Choice("gru")
    assert merged(_Recipe(), {"writer": {"writer": "gru", "width": 5}}).writer == _Choice("gru", 5)
    assert merged(_Recipe(), {"width": 5, "writer": "gru"}).writer == _Choice("gru", 5)
