"""The training benchmark: every scheme in turn, and its ratios."""

from __future__ import annotations

import torch

from engine.bench.training import bench_training
from engine.spec import GraphSpec, ModelSpec


def test_names_and_ratios() -> None:
    before = torch.get_num_threads()
    report = bench_training(GraphSpec(name="karate"), ModelSpec(hidden=4), bits=4, epochs=3)
    assert (report["graph"], report["bits"], report["threads"]) == ("karate", 4, 1)
    epoch_ms, ratio = report["epoch_ms"], report["ratio"]
    assert set(epoch_ms) == {"float", "qat", "degree_quant"}
    assert all(value > 0 for value in epoch_ms.values())
    assert ratio == {
        "degree_quant_over_qat": epoch_ms["degree_quant"] / epoch_ms["qat"],
        "degree_quant_over_float": epoch_ms["degree_quant"] / epoch_ms["float"],
    }
    assert torch.get_num_threads() == before


def test_a_set_is_trained_in_steps() -> None:
    graph, model = GraphSpec(name="digits-superpixels"), ModelSpec(hidden=4, pool="mean")
    report = bench_training(graph, model, epochs=1, size=600)
    assert report["graph"] == "digits-superpixels"
    assert report["ratio"]["degree_quant_over_qat"] > 0
