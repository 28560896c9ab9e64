"""A person's own model, converted once and kept, so that runs can be made of it anywhere."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from engine.conversion.network import convert
from engine.learning.own import keep_network
from engine.spec import OwnModel


def keep(model: nn.Module, folder: Path) -> OwnModel:
    """Keep a trained PyTorch Geometric model in a run store's folder.

    The value returned is a `RunSpec`'s ``model``: its float run is the model as it is, finetuning
    starts from its weights, and retraining learns its shape anew.

    Args:
        model: What `quantize` takes; it stays as it is.
        folder: The run store's.

    Raises:
        ConversionError: Naming what has no counterpart, and where it stands in the model.
        WeightsError: If a weight is not finite.
        OSError: If it cannot be written.
    """
    return keep_network(convert(model), folder)
