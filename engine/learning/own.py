"""A person's own trained network beside the runs: kept under the digest of what it is, and back.

models/<sha256>.npz    its layers as JSON, and its weights and running statistics as arrays
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.learning.network import Network
from engine.learning.weights import WeightsError, learned, opened, put
from engine.spec import LayerSpec, OwnModel, canonical

LAYERS = "layers"
"""The entry of the file that holds the layers."""


class ModelNotFound(OSError):
    """A person's own model is not kept here; the text says what to do."""


def keep_network(network: Network, folder: Path) -> OwnModel:
    """Keep a network and return the value that names it.

    Args:
        network: Trained; its quantizers are left aside.
        folder: That of the run store.

    Raises:
        WeightsError: If a weight is not finite.
        OSError: If it cannot be written.
    """
    layers = tuple(layer.spec for layer in network.layers)
    weights = {name: tensor.cpu().numpy() for name, tensor in learned(network)}
    for name, array in weights.items():
        if not np.isfinite(array).all():
            raise WeightsError(f"{name} holds a number that is not finite")
    model = OwnModel(name=f"own:{_digest(layers, weights)}", layers=layers)
    path = _path(model, folder)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            held: dict[str, Any] = {LAYERS: np.array(canonical(layers)), **weights}
            np.savez(file, **held)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink()
    return model


def restore(network: Network, model: OwnModel, folder: Path) -> None:
    """Put a kept network's weights into one of the same layers, in place.

    Args:
        network: The network.
        model: Names what is kept.
        folder: That of the run store.

    Raises:
        ModelNotFound: If nothing is kept under the name.
        WeightsError: If what is kept is damaged.
    """
    path = _path(model, folder)
    try:
        with path.open("rb") as file:
            held = opened(file)
    except FileNotFoundError:
        raise ModelNotFound(
            f"the model {model.name[:10]} is not kept in {path.parent}: it was given to another "
            "store, so give it to `Explorer(model=...)` or `keep` here too"
        ) from None
    layers = str(held.pop(LAYERS, ""))
    digest = _digest(model.layers, held)
    if layers != canonical(model.layers) or model.name != f"own:{digest}":
        what = "its content does not have the digest it is named by"
        raise WeightsError(f"{path} is damaged: {what}")
    put(network, held)


def _path(model: OwnModel, folder: Path) -> Path:
    return folder / "models" / f"{model.name.removeprefix('own:')}.npz"


def _digest(layers: tuple[LayerSpec, ...], weights: dict[str, NDArray[Any]]) -> str:
    digest = sha256(canonical(layers).encode())
    for name in sorted(weights):
        little = np.ascontiguousarray(weights[name], dtype=weights[name].dtype.newbyteorder("<"))
        digest.update(f"\n{name} {little.dtype.str} {little.shape}\n".encode())
        digest.update(little.tobytes())
    return digest.hexdigest()
