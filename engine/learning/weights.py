"""What a network learned, as one .npz file of plain arrays: where finetuning starts from.

Quantizers are left out: a network of other widths starts from the same weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np
import torch
from torch import Tensor

from engine.learning.network import Network
from engine.learning.quantizers import Quantizer


class WeightsError(ValueError):
    """A file holds no weights of such a network."""


def write_weights(network: Network, file: BinaryIO) -> None:
    """Write parameters and running statistics into an open file."""
    arrays: dict[str, Any] = {name: tensor.cpu().numpy() for name, tensor in _learned(network)}
    np.savez(file, **arrays)


def read_weights(network: Network, file: BinaryIO) -> None:
    """Put what an open file holds into a network of the same shape, in place.

    Raises:
        WeightsError: If the file holds those of another network, or nothing readable.
    """
    try:
        with np.load(file, allow_pickle=False) as archive:
            held = {name: archive[name] for name in archive.files}
    except (ValueError, KeyError, EOFError, OSError, BadZipFile) as error:
        raise WeightsError(f"the file of weights cannot be read: {error}") from None
    wanted = dict(_learned(network))
    if set(held) != set(wanted):
        odd = sorted(set(held) ^ set(wanted))
        raise WeightsError(f"the file holds weights of another network; it differs in {odd[0]}")
    for name, tensor in wanted.items():
        if held[name].shape != tensor.shape:
            what = f"{name} has shape {held[name].shape}"
            raise WeightsError(f"{what}, wanted {tuple(tensor.shape)}")
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(torch.from_numpy(held[name]))


def _learned(network: Network) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors that are no quantizer's, by name."""
    of_quantizers = {
        f"{name}." for name, module in network.named_modules() if isinstance(module, Quantizer)
    }
    for name, tensor in network.state_dict(keep_vars=True).items():
        if not any(name.startswith(prefix) for prefix in of_quantizers):
            yield name, tensor.detach()
