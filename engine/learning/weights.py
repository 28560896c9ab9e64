"""What a network learned, as one .npz file of plain arrays: where finetuning starts from.

Quantizers are left out: a network of other widths starts from the same weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.learning.network import Network
from engine.learning.quantizers import Quantizer


class WeightsError(ValueError):
    """A file holds no weights of such a network."""


def write_weights(network: Network, file: BinaryIO) -> None:
    """Write parameters and running statistics into an open file."""
    arrays: dict[str, Any] = {name: tensor.cpu().numpy() for name, tensor in learned(network)}
    np.savez(file, **arrays)


def read_weights(network: Network, file: BinaryIO) -> None:
    """Put what an open file holds into a network of the same shape, in place.

    Raises:
        WeightsError: If the file holds those of another network, or nothing readable.
    """
    put(network, opened(file))


def opened(file: BinaryIO) -> dict[str, NDArray[Any]]:
    """Return the arrays in an open file.

    Raises:
        WeightsError: If it holds nothing readable.
    """
    try:
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, KeyError, EOFError, OSError, BadZipFile) as error:
        raise WeightsError(f"the file of weights cannot be read: {error}") from None


def put(network: Network, weights: Mapping[str, NDArray[Any]]) -> None:
    """Put weights into a network of the same shape, in place, all or none.

    Args:
        network: The network.
        weights: Parameters and running statistics by name.

    Raises:
        WeightsError: If they are those of another network.
    """
    wanted = dict(learned(network))
    if set(weights) != set(wanted):
        odd = sorted(set(weights) ^ set(wanted))
        raise WeightsError(f"the file holds weights of another network; it differs in {odd[0]}")
    for name, tensor in wanted.items():
        if weights[name].shape != tensor.shape:
            what = f"{name} has shape {weights[name].shape}"
            raise WeightsError(f"{what}, wanted {tuple(tensor.shape)}")
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(torch.from_numpy(weights[name]))


def learned(network: Network) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors that are no quantizer's, by name."""
    of_quantizers = {
        f"{name}." for name, module in network.named_modules() if isinstance(module, Quantizer)
    }
    for name, tensor in network.state_dict(keep_vars=True).items():
        if not any(name.startswith(prefix) for prefix in of_quantizers):
            yield name, tensor.detach()
