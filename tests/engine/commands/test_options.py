"""Options that several commands share: the values they make, and what they refuse."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.commands.options import (
    add_graph,
    add_json,
    add_model,
    graph_of,
    model_of,
    widths_of,
    write_json,
)
from engine.graphs import Graph, GraphError, load_graph, write_npz
from engine.spec import Appnp, DiffGroupNorm, GraphSpec, ModelSpec, PairNorm, Smp, SpecError


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_graph(parser, "Cora")
    add_model(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize(
    ("texts", "everywhere", "by_component"),
    [
        ([], 8, {}),
        (["4"], 4, {}),
        (["weight=4,message=8"], 8, {"weight": 4, "message": 8}),
        (["4", "weight=8"], 4, {"weight": 8}),
        (["4,weight=8", "output=16"], 4, {"weight": 8, "output": 16}),
        (["weight=4", "weight=2"], 8, {"weight": 2}),
        (["32"], 32, {}),
    ],
)
def test_widths(texts: list[str], everywhere: int, by_component: dict[str, int]) -> None:
    assert widths_of(texts) == (everywhere, by_component)
    assert widths_of([], default=2) == (2, {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "eight",
        "4,",
        "=4",
        "weight",
        "weight=",
        "weight=x",
        "wieght=4",
        "-4",
        "4.0",
        "²",
        "a=b=4",
    ],
)
def test_what_is_no_width_is_named(text: str) -> None:
    with pytest.raises(SpecError, match=r"--bits: got .*, accepts a width, or COMPONENT=WIDTH of"):
        widths_of(["8", text])


def test_defaults_are_those_of_the_values(tmp_path: Path) -> None:
    options = parse()
    assert graph_of(options, tmp_path) == GraphSpec(name="Cora")
    assert model_of(options) == ModelSpec()


@pytest.mark.parametrize(
    ("arguments", "spec"),
    [
        (["--graph", "karate", "--normalize"], GraphSpec(name="karate", normalize=True)),
        (["--no-normalize"], GraphSpec(name="Cora", normalize=False)),
        (
            ["--graph", "hubs", "--nodes", "500", "--exponent", "2.5"],
            GraphSpec(name="hubs", nodes=500, exponent=2.5),
        ),
    ],
)
def test_graphs(tmp_path: Path, arguments: list[str], spec: GraphSpec) -> None:
    assert graph_of(parse(*arguments), tmp_path) == spec


def test_models() -> None:
    options = parse("--layers", "4", "--hidden", "8", "--dropout", "0", "--residual")
    assert model_of(options) == ModelSpec(layers=4, hidden=8, dropout=0, residual=True)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["--model", "gcnn"], "operator"),
        (["--layers", "1"], "layers"),
        (["--dropout", "nan"], "dropout"),
    ],
)
def test_each_fault_of_a_model_is_named(arguments: list[str], field: str) -> None:
    with pytest.raises(SpecError) as caught:
        model_of(parse(*arguments))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("arguments", "field"),
    [(["--nodes", "500"], "nodes"), (["--graph", "hubs", "--exponent", "1"], "exponent")],
)
def test_each_fault_of_a_graph_is_named(tmp_path: Path, arguments: list[str], field: str) -> None:
    with pytest.raises(SpecError) as caught:
        graph_of(parse(*arguments), tmp_path)
    assert caught.value.field == field


def test_a_file_is_kept_as_ones_own_graph(tmp_path: Path, karate: Graph) -> None:
    file = tmp_path / "friends.npz"
    write_npz(file, replace(karate, name="friends"))
    spec = graph_of(parse("--graph", str(file)), tmp_path / "store")
    assert spec.name.startswith("own:")
    file.unlink()
    assert load_graph(spec, tmp_path / "store").digest == karate.digest


@pytest.mark.parametrize(("content", "error"), [(b"no zip", GraphError), (None, OSError)])
def test_a_file_without_a_graph_is_refused(tmp_path: Path, content: Any, error: type) -> None:
    file = tmp_path / "broken.npz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(error, match=r"broken\.npz"):
        graph_of(parse("--graph", str(file)), tmp_path)


def test_a_normalisation_over_the_nodes_has_constants() -> None:
    model = model_of(parse("--normalization", "pair-norm-si", "--norm-scale", "3"))
    assert model == ModelSpec(normalization=PairNorm(scale=3, by_node=True))
    grouped = model_of(parse("--normalization", "group-norm", "--groups", "4"))
    assert grouped == ModelSpec(normalization=DiffGroupNorm(groups=4))


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["--normalization", "pairs"], "--normalization"),
        (["--groups", "4"], "--groups"),
        (["--normalization", "pair-norm", "--group-weight", "1"], "--group-weight"),
        (["--normalization", "group-norm", "--norm-scale", "1"], "--norm-scale"),
        (["--normalization", "group-norm", "--groups", "0"], "groups"),
    ],
)
def test_each_fault_of_a_normalisation_is_named(arguments: list[str], field: str) -> None:
    with pytest.raises(SpecError) as caught:
        model_of(parse(*arguments))
    assert caught.value.field == field


def test_a_propagation_has_steps_and_constants() -> None:
    model = model_of(parse("--model", "smp", "--steps", "4", "--mu", "5", "--eta-lambda", "0.1"))
    how = Smp(mu=5, eta_lambda=0.1)
    assert model == ModelSpec(operator="smp", hidden=64, steps=4, propagation=how)
    plain = model_of(parse("--model", "appnp", "--layers", "1", "--teleport", "0"))
    assert plain.propagation == Appnp(teleport=0)
    assert (plain.layers, plain.propagated) == (1, 10)
    usual = model_of(parse("--model", "elastic", "--hidden", "16"))
    assert usual == ModelSpec(operator="elastic", hidden=16)
    assert model_of(parse()) == ModelSpec()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--steps", "4"), "steps: got 4, accepts null, since only appnp, elastic, smp"),
        (("--teleport", "0.2"), "--teleport: got 0.2, accepts nothing, since only appnp has one"),
        (("--model", "appnp", "--eta-slack", "1"), "--eta-slack: .* since only smp has one"),
        (("--model", "smp", "--mu", "-1"), "mu: got -1.0"),
        (("--model", "smp", "--pool", "sum"), "pool: .* since smp scores nodes"),
    ],
)
def test_what_a_propagation_refuses(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        model_of(parse(*arguments))


def test_a_report_goes_where_the_option_says(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_json(parser)
    write_json({"one": 1}, parser.parse_args([]).json)
    write_json({"one": 1}, parser.parse_args(["--json", str(tmp_path / "new.json")]).json)
    assert (tmp_path / "new.json").read_text(encoding="utf-8") == '{\n  "one": 1\n}\n'


@pytest.mark.parametrize(
    ("place", "fault"), [("", "got the folder"), ("no/x.json", "there is no folder")]
)
def test_a_place_that_takes_no_report_is_refused_before_the_work(
    tmp_path: Path, place: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    add_json(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--json", str(tmp_path / place)])
    assert fault in capsys.readouterr().err
