"""Matrix products as others make them: torch in float32 and in 8 bits, ONNX Runtime in 8 bits."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Product = Callable[[], object]


def torch_float(x: NDArray[np.float32], weight: NDArray[np.float32]) -> Product:
    """Return torch's float32 product of x, [N, F], and a weight, [F, F'].

    Args:
        x: [N, F].
        weight: [F, F'].
    """
    left, right = torch.from_numpy(x), torch.from_numpy(weight)
    out = torch.empty(len(x), weight.shape[1])  # new memory would cost a page fault every 4 kB
    return torch.inference_mode()(lambda: torch.mm(left, right, out=out))


def torch_integers(x: NDArray[np.uint8], weight: NDArray[np.int8]) -> dict[str, Product]:
    """Return the products of 8-bit integers that this torch has, by name.

    ``torch._int_mm`` gives int32 sums; a quantized linear layer gives requantized codes as our
    product does, by each engine that this torch was built with. Where the processor has no VNNI
    these linear layers are not exact: fbgemm and oneDNN add products in pairs of 16 bits that
    saturate unless weights keep to 7 bits; they were seen to be 106 codes off.

    Args:
        x: Unsigned codes, [N, F].
        weight: Signed codes, [F, F'].
    """
    products: dict[str, Product] = {}
    left, right = torch.from_numpy(x.view(np.int8)), torch.from_numpy(weight)
    int_mm: Any = getattr(torch, "_int_mm", None)
    if int_mm is not None:
        products["torch._int_mm"] = lambda: int_mm(left, right)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's notices that this way will end one day
        products |= _quantized_linears(x, weight)
    return {name: run for name, run in products.items() if _runs(run)}


def onnx_integers(x: NDArray[np.uint8], weight: NDArray[np.int8], threads: int) -> Product | None:
    """Return ONNX Runtime's product of 8-bit integers, int32 sums; None where it is not installed.

    Args:
        x: Unsigned codes, [N, F].
        weight: Signed codes, [F, F'].
        threads: Its threads.
    """
    try:
        onnx, runtime = import_module("onnx"), import_module("onnxruntime")
    except ImportError:
        return None
    helper, kinds = onnx.helper, onnx.TensorProto
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "weight"], ["sums"])],
        "product",
        [helper.make_tensor_value_info("x", kinds.UINT8, x.shape)],
        [helper.make_tensor_value_info("sums", kinds.INT32, (x.shape[0], weight.shape[1]))],
        [onnx.numpy_helper.from_array(weight, "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    session = runtime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda: session.run(None, {"x": x})


def _quantized_linears(x: NDArray[np.uint8], weight: NDArray[np.int8]) -> dict[str, Product]:
    quantized: Any = getattr(torch.ops, "quantized", None)
    backends: Any = torch.backends.quantized
    products: dict[str, Product] = {}
    if not hasattr(torch, "_make_per_tensor_quantized_tensor"):
        return products
    made: Any = torch._make_per_tensor_quantized_tensor
    left = made(torch.from_numpy(x), 0.02, 128)
    right = made(torch.from_numpy(np.ascontiguousarray(weight.T)), 0.02, 0)
    outer = backends.engine
    for engine in backends.supported_engines:
        if engine == "none":
            continue
        try:
            backends.engine = engine
            packed = quantized.linear_prepack(right, None)
        except RuntimeError:
            continue
        finally:
            backends.engine = outer

        def run(engine: str = engine, packed: Any = packed) -> object:
            backends.engine = engine
            try:
                return quantized.linear(left, packed, 0.1, 128)
            finally:
                backends.engine = outer

        products[f"torch quantized linear, {engine}"] = run
    return products


def _runs(run: Product) -> bool:
    try:
        run()
    except RuntimeError:
        return False
    return True
