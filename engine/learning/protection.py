"""Degree protection: which nodes a training forward leaves in full precision."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.graphs import Graph
from engine.graphs.degrees import protection_probability
from engine.spec import Protection


@dataclass(frozen=True, eq=False)
class ProtectedRows:
    """The rows of a node tensor that one forward leaves in full precision.

    Args:
        mask: Whether a row is protected, bool [N].
        degree: The in-degree of each row's node, [N]; None where no width depends on it.
    """

    mask: Tensor
    degree: Tensor | None = None

    @cached_property
    def are_all(self) -> bool:
        """Whether there are rows, and none is left unprotected."""
        return len(self.mask) > 0 and bool(self.mask.all())

    def spread(self, row: Tensor) -> ProtectedRows:
        """Return the entries that lie in protected rows, for entries of rows ``row`` [nnz]."""
        return ProtectedRows(self.mask[row], None if self.degree is None else self.degree[row])

    def beside(self, mask: Tensor) -> ProtectedRows:
        """Return the rows with those of another mask, [N], protected too."""
        return ProtectedRows(self.mask | mask, self.degree)

    def restore(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Return ``x`` in the protected rows and ``x_hat`` in the others."""
        return torch.where(self.mask.view(-1, *[1] * (x.dim() - 1)), x, x_hat)

    def others(self, x: Tensor) -> Tensor:
        """Return the rows of ``x`` that are not protected."""
        return x[~self.mask]


def with_degree(protected: ProtectedRows | None, degree: Tensor) -> ProtectedRows:
    """Return protected rows, none where there are None, with the in-degree of each, [N]."""
    mask = torch.zeros_like(degree, dtype=torch.bool) if protected is None else protected.mask
    return ProtectedRows(mask, degree)


NO_ROWS = np.zeros(0, dtype=np.bool_)


def row_mask(protected: ProtectedRows | None) -> NDArray[np.bool_]:
    """Return the protected rows of CPU tensors as the kernels take them: empty where none are."""
    return NO_ROWS if protected is None else protected.mask.numpy()


class DegreeProtection:
    """Draws Bernoulli masks whose probability grows with a node's in-degree rank.

    Args:
        graph: The graph, or each graph of a set, whose in-degrees count before self-loops.
        protection: Probabilities, and whether the layers of a forward share one mask.
        device: Where the masks live.

    Source:
        Tailor et al., Degree-Quant, ICLR 2021, section 3.1.
    """

    def __init__(
        self, graph: Graph, protection: Protection, device: torch.device | str = "cpu"
    ) -> None:
        self.shared = protection.shared
        probability = protection_probability(graph.in_degree, protection, graph.starts)
        self.probability: Tensor | None = None
        if not protection.is_off:
            self.probability = torch.from_numpy(probability).float().to(device)

    def draw(self, layers: int, generator: torch.Generator) -> list[ProtectedRows | None]:
        """Return each layer's protected rows; the same for all where shared, None where off."""
        if self.probability is None:
            return [None] * layers
        draws = 1 if self.shared else layers
        rows: list[ProtectedRows | None] = [
            ProtectedRows(torch.bernoulli(self.probability, generator=generator).bool())
            for _ in range(draws)
        ]
        return rows * layers if self.shared else rows
