"""digits-slant: how far each handwritten digit leans, to be found from its regions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.graphs.digits import read_digits
from engine.graphs.graph import Graph
from engine.graphs.superpixels import digits_superpixels

Reals = NDArray[np.float64]


def digits_slant() -> Graph:
    """Return the graphs of `digits_superpixels` with a real target each: the digit's slant.

    The target is measured on the 8 x 8 pixels, of which the graph's regions tell the mean shade and
    the centre only: it is a regression of something real, from -19 to 18 degrees, that no node
    holds. Always answering the training graphs' median is off by 5.6 degrees on average. Graphs and
    split are those of `digits_superpixels`.
    """
    pixels, _ = read_digits()
    graph = digits_superpixels()
    targets = slant_degrees(pixels.reshape(-1, 8, 8))[:, None].astype(np.float32)
    return replace(
        graph, name="digits-slant", y=np.full_like(graph.y, -1), classes=0, targets=targets
    )


def slant_degrees(images: NDArray[np.int64]) -> Reals:
    """Return how far the ink of images leans: the shear without which its rows and columns agree.

    ``atan(-m_rc / m_rr)``, m the central moments of the ink over rows r, downwards, and columns c.

    Args:
        images: Ink from 0 on, [G, rows, columns], in two rows of each or more.

    Returns:
        Degrees from the vertical, positive where the top lies to the right, [G].

    Source:
        Moments: Hu, Visual pattern recognition by moment invariants, 1962; sheared away before
        digits are recognised: LeCun et al., Gradient-based learning, 1998 (deslanting).
    """
    ink = images / images.sum(axis=(1, 2), keepdims=True)
    row, column = np.arange(images.shape[1])[:, None], np.arange(images.shape[2])
    down = row - (ink * row).sum(axis=(1, 2))[:, None, None]
    across = column - (ink * column).sum(axis=(1, 2))[:, None, None]
    shear: Reals = (ink * down * across).sum(axis=(1, 2)) / (ink * down**2).sum(axis=(1, 2))
    return np.degrees(np.arctan(-shear))
