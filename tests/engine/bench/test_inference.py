"""The inference benchmark: three forwards and their ratios."""

from __future__ import annotations

import torch

from engine.bench.inference import bench_inference
from engine.spec import GraphSpec, ModelSpec


def test_names_and_ratios() -> None:
    before = torch.get_num_threads()
    report = bench_inference(
        GraphSpec(name="karate"), ModelSpec(layers=3, hidden=4, residual=True), bits=4, rounds=2
    )
    assert (report["graph"], report["bits"], report["threads"]) == ("karate", 4, 1)
    assert report["torch"] == torch.__version__
    integer_ms = report["integer_ms"]
    assert integer_ms > 0
    assert report["ratio"] == {
        "torch_best": report["torch_best_ms"] / integer_ms,
        "pyg": report["pyg_ms"] / integer_ms,
    }
    assert torch.get_num_threads() == before
