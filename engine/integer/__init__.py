"""The integer wing: runs quantized networks in NumPy and Numba, never learns, imports no torch."""

from __future__ import annotations

from engine.integer.assembly import assemble, program_of
from engine.integer.calibration import Calibrator, mixed
from engine.integer.kernels.table import NUMBA, NUMPY, Kernels
from engine.integer.packing import IntArray
from engine.integer.plan import Plan, bind
from engine.integer.program import Program
from engine.integer.proof import AccumulatorOverflow, Proof
from engine.integer.sparse import SparseIntArray
from engine.integer.stages.stage import Slot
from engine.integer.storage import ProgramFileError, load, read, save, write
from engine.integer.trace import Trace

__all__ = [
    "NUMBA",
    "NUMPY",
    "AccumulatorOverflow",
    "Calibrator",
    "IntArray",
    "Kernels",
    "Plan",
    "Program",
    "ProgramFileError",
    "Proof",
    "Slot",
    "SparseIntArray",
    "Trace",
    "assemble",
    "bind",
    "load",
    "mixed",
    "program_of",
    "read",
    "save",
    "write",
]
