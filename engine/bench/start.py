"""How long a first forward takes: kernels compiled, or found in the cache on disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from engine.spec import GraphSpec, ModelSpec

NODES = 2000
"""Nodes of the graph: enough for kernels with threads, and hardly any work."""


def bench_start(
    model: ModelSpec, *, bits: Sequence[int] = (8,), together: int = 3
) -> dict[str, Any]:
    """Return the seconds from a new process' import to its first scores, three ways.

    ``cold`` finds an empty cache and fills it, ``warm`` finds that of the process before,
    ``uncached`` may write none, as in a read-only home. ``together`` are so many processes at once
    on an empty cache, of which the slowest is told: they compile the same kernels side by side, and
    none waits for or breaks another.

    Args:
        model: The network.
        bits: Widths, one forward each in the same process.
        together: Processes at once.
    """
    with TemporaryDirectory() as folder:
        one, several = Path(folder, "one"), Path(folder, "several")
        forbidden = Path(folder, "a file")
        forbidden.touch()
        (cold,) = _first(model, bits, one)
        (warm,) = _first(model, bits, one)
        (uncached,) = _first(model, bits, forbidden / "no folder")
        at_once = _first(model, bits, several, together)
        (after,) = _first(model, bits, several)
        size = sum(file.stat().st_size for file in one.rglob("*") if file.is_file())
    return {
        "operator": model.operator,
        "bits": list(bits),
        "cold": cold,
        "warm": warm,
        "uncached": uncached,
        "together": {"processes": together, **max(at_once, key=lambda told: told["forward_s"])},
        "after_together": after,
        "cache_bytes": size,
    }


def tell(operator: str, bits: Sequence[int]) -> None:
    """Print how long this new process takes to import, to bind and run first, and to run again."""
    start = time.perf_counter()
    from engine.bench.aggregation import quant_of
    from engine.bench.case import GraphCase, Subject
    from engine.integer import bind

    imported = time.perf_counter()
    model = ModelSpec(operator=operator)  # type: ignore[arg-type]
    case = GraphCase(spec=GraphSpec(name="hubs", nodes=NODES))
    graph = case.graph()
    subject = Subject(case, model.layer_specs(graph.features, graph.classes), graph)
    made = time.perf_counter()
    plans = [
        bind(subject.program(quant_of(model, n)), subject.neighbourhoods, graph.x) for n in bits
    ]
    for plan in plans:
        plan.run()
    forward = time.perf_counter()
    for plan in plans:
        plan.run()
    told = {
        "import_s": imported - start,
        "forward_s": forward - made,
        "again_s": time.perf_counter() - forward,
    }
    print(json.dumps(told))


def _first(
    model: ModelSpec, bits: Sequence[int], cache: Path, count: int = 1
) -> list[dict[str, float]]:
    """Return what as many new processes at once tell, with kernels cached in a folder."""
    code = f"from engine.bench.start import tell; tell({model.operator!r}, {list(bits)!r})"
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(cache),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
        for _ in range(count)
    ]
    told = []
    for process in processes:
        output, _ = process.communicate()
        if process.returncode:
            raise OSError(f"a process of the benchmark ended with status {process.returncode}")
        told.append(json.loads(output.decode().splitlines()[-1]))
    return told
