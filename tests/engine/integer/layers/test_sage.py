"""GraphSAGE is composed as its equations say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.spec import LayerSpec


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("aggregation", ["mean", "max"])
def test_float_program_is_the_equation(case: Callable, aggregation: str, sparse: bool) -> None:
    spec = LayerSpec(operator="sage", inputs=5, outputs=3, aggregation=aggregation)
    drawn = case(2, layers=(spec,), features=5, nodes=15, edges=20, sparse=sparse)
    held = {name: drawn.reference.constants[0, name] for name in spec.constants}
    x = drawn.x.toarray() if sparse else drawn.x
    neighbours = drawn.neighbourhoods.of("sage")
    gathered = np.zeros_like(x)
    for node in range(15):
        around = x[neighbours.source[neighbours.rowptr[node] : neighbours.rowptr[node + 1]]]
        if len(around):
            gathered[node] = around.mean(axis=0) if aggregation == "mean" else around.max(axis=0)
    assert (np.diff(neighbours.rowptr) == 0).any()
    wanted = gathered @ held["weight"] + x @ held["own_weight"] + held["bias"]
    got = drawn.bind(drawn.reference).run()
    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-5)
