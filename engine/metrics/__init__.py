"""What is measured of a run, in NumPy and SciPy: errors, smoothness, agreement and cost."""

from __future__ import annotations
