"""The product benchmark: every rival multiplies, ours with the widths that were asked for."""

from __future__ import annotations

import numpy as np
import pytest

from engine.bench import loops
from engine.bench.machine import Machine
from engine.bench.product import bench_product, product_plan
from engine.bench.race import Effort
from engine.peers import products
from engine.peers.products import onnx_integers, torch_float, torch_integers


def drawn(nodes: int, features: int, hidden: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 256, (nodes, features), dtype=np.uint8)
    return x, rng.integers(-127, 128, (features, hidden)).astype(np.int8)


def test_names(machine: Machine) -> None:
    report = bench_product(40, 16, 8, machine, Effort(rounds=1), bits=((8, 8), (2, 8)))
    names = [row["name"] for row in report.rows]
    assert names[0] == "torch, float32"
    assert names[-4:] == [
        "our loop, float32",
        "our loop, int32",
        "ours, 8×8 bits",
        "ours, 2×8 bits",
    ]
    assert {row["operations"] for row in report.rows} == {40 * 16 * 8}
    ours = {row["name"]: row["bytes_moved"] for row in report.rows}
    assert ours["ours, 8×8 bits"] == 40 * 16 + 16 * 8 + 40 * 8
    assert ours["ours, 2×8 bits"] == 40 * 4 + 16 * 8 + 40 * 2
    if "ONNX Runtime, MatMulInteger" not in ours:
        assert "not installed" in report.skipped["ONNX Runtime, MatMulInteger"]


def test_only_ours(machine: Machine) -> None:
    report = bench_product(9, 3, 5, machine, Effort(rounds=1, against=()), bits=((4, 4),))
    assert [row["name"] for row in report.rows] == ["ours, 4×4 bits"]
    assert report.rows[0]["ratio"] == 1


def test_the_plan_multiplies() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 12), np.float32)
    weight = rng.uniform(-0.1, 0.1, (12, 7)).astype(np.float32)
    plan = product_plan(x, weight, 8, 4)
    assert plan.program.params_of((0, "weight")).spec.bits == 4
    feature = plan.trace().real(0, "feature")
    step = float(plan.program.params_of((0, "feature")).scale)
    wanted = plan.features.real() @ plan.constants[0, "weight"].real()
    assert np.abs(feature - wanted).max() <= 0.51 * step


@pytest.mark.parametrize(("bits", "weight_bits"), [(1, 1), (1, 8), (8, 1)])
def test_the_plan_multiplies_signs(bits: int, weight_bits: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, 70), np.float32)
    weight = rng.uniform(-0.1, 0.1, (70, 7)).astype(np.float32)
    plan = product_plan(x, weight, bits, weight_bits)
    params = plan.program.params_of((0, "feature"))
    assert params.spec.bits == 8
    wanted = plan.features.real() @ plan.constants[0, "weight"].real()
    wanted = np.clip(wanted, *(params.scale * end for end in (params.spec.qmin, params.spec.qmax)))
    assert np.abs(plan.trace().real(0, "feature") - wanted).max() <= 0.51 * float(params.scale)


@pytest.mark.parametrize("shape", [(5, 8, 6), (20, 7, 3)])
def test_quantized_linears_multiply_weights_of_seven_bits(shape: tuple[int, int, int]) -> None:
    x, weight = drawn(*shape)
    weight //= 2
    found = torch_integers(x, weight)
    linears = [run().int_repr().numpy() for name, run in found.items() if "linear" in name]
    wanted = (x.astype(np.int64) - 128) @ weight.astype(np.int64) * (0.02 * 0.02 / 0.1) + 128
    for codes in linears:
        assert np.abs(codes - np.clip(np.rint(wanted), 0, 255)).max() <= 1


@pytest.mark.parametrize("shape", [(5, 8, 6), (20, 7, 3)])
def test_peers_multiply(shape: tuple[int, int, int]) -> None:
    x, weight = drawn(*shape)
    exact = x.astype(np.int64) @ weight.astype(np.int64)
    real = torch_float(x.astype(np.float32), weight.astype(np.float32))()
    np.testing.assert_array_equal(real, exact)
    found = torch_integers(x, weight)
    if "torch._int_mm" in found:
        signed = x.view(np.int8).astype(np.int64) @ weight.astype(np.int64)
        np.testing.assert_array_equal(found["torch._int_mm"](), signed)


def test_onnx_multiplies_or_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight = drawn(6, 5, 4)
    run = onnx_integers(x, weight, threads=1)
    if run is not None:
        np.testing.assert_array_equal(run()[0], x.astype(np.int32) @ weight.astype(np.int32))

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(products, "import_module", missing)
    assert onnx_integers(x, weight, threads=1) is None


@pytest.mark.parametrize("kind", [np.float32, np.int32])
@pytest.mark.parametrize("shape", [(70, 9, 5), (3, 4, 1), (1, 1, 33), (128, 40, 64)])
def test_the_wide_loop_multiplies(kind: type, shape: tuple[int, int, int]) -> None:
    x, weight = (array.astype(kind) for array in drawn(*shape))
    out = np.empty((shape[0], shape[2]), kind)
    loops.product(x, weight, out)
    np.testing.assert_array_equal(out, x @ weight)
