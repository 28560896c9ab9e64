"""Recipes as links: there and back, and every way a link can be broken."""

from __future__ import annotations

import base64
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.spec import GraphSpec, ModelSpec, RunSpec, SpecError, scheme
from explorer.links import MAX_BYTES, from_query, pack, unpack


@given(
    st.sampled_from(["float", "ptq", "qat", "degree-quant"]),
    st.sampled_from([2, 3, 4, 5, 6, 7, 8, 16, 32]),
    st.integers(2, 64),
    st.integers(0, 2**32 - 1),
)
def test_round_trip(name: str, bits: int, layers: int, seed: int) -> None:
    recipe = scheme(name, bits=bits, model=ModelSpec(layers=layers), seed=seed)
    text = pack(recipe)
    assert unpack(text) == recipe
    assert from_query(f"?theme=dark&r={text}") == recipe
    assert text.isascii()
    assert not set(text) & set("+/=&?# ")


def test_no_link() -> None:
    assert from_query("") is None
    assert from_query("theme=dark") is None


def test_unicode_name_survives() -> None:
    recipe = RunSpec(graph=GraphSpec(name="Größe & Co?"))
    assert unpack(pack(recipe)) == recipe


@given(st.text(max_size=60))
def test_any_text_is_a_recipe_or_a_sentence(text: str) -> None:
    try:
        assert isinstance(unpack(text), RunSpec)
    except SpecError as refused:
        said = str(refused)
    else:
        said = "a recipe"
    assert said


@given(st.integers(1, 60))
def test_cut_off_link_is_refused(cut: int) -> None:
    with pytest.raises(SpecError, match="link"):
        unpack(pack(scheme("degree-quant", bits=4))[:-cut])


def test_newer_version_is_refused() -> None:
    with pytest.raises(SpecError, match="version 1"):
        unpack("2" + pack(RunSpec())[1:])


def test_bomb_is_refused() -> None:
    bomb = zlib.compress(b" " * (MAX_BYTES + 10))
    with pytest.raises(SpecError, match="too long"):
        unpack("1" + base64.urlsafe_b64encode(bomb).decode())


def test_bad_field_is_named() -> None:
    packed = zlib.compress(b'{"model": {"hidden": 0}}')
    with pytest.raises(SpecError) as caught:
        unpack("1" + base64.urlsafe_b64encode(packed).decode())
    assert caught.value.field == "model.hidden"
