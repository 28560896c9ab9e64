"""Kept networks: back as they were, and whatever is wrong with the file is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine.learning.network import Network
from engine.learning.own import ModelNotFound, keep_network, restore
from engine.learning.weights import WeightsError, learned
from engine.spec import ModelSpec, OwnModel, scheme

MODEL = ModelSpec(operator="gin", hidden=6, batch_norm=True)


def network_of(name: str = "float", seed: int = 0) -> Network:
    generator = torch.Generator().manual_seed(seed)
    quant = scheme(name, bits=4, model=MODEL).quant
    return Network(MODEL.layer_specs(5, 3), quant, generator)


def file_of(model: OwnModel, folder: Path) -> Path:
    return folder / "models" / f"{model.name.removeprefix('own:')}.npz"


def test_a_kept_network_comes_back_with_other_widths(tmp_path: Path) -> None:
    network = network_of()
    network.layers[0].norm.running_var.mul_(3)
    model = keep_network(network, tmp_path)
    assert model.layers == MODEL.layer_specs(5, 3)
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == [
        f"{model.name[4:]}.npz"
    ]
    other = network_of("qat", seed=1)
    restore(other, model, tmp_path)
    for (name, expected), (_, found) in zip(learned(network), learned(other), strict=True):
        assert torch.equal(expected, found), name


def test_its_name_is_that_of_what_it_holds(tmp_path: Path) -> None:
    one, again, other = (keep_network(network_of(seed=seed), tmp_path) for seed in (0, 0, 1))
    assert one == again
    assert one.name != other.name
    assert len(list((tmp_path / "models").iterdir())) == 2


def test_the_file_holds_json_and_plain_arrays(tmp_path: Path) -> None:
    model = keep_network(network_of(), tmp_path)
    with np.load(file_of(model, tmp_path), allow_pickle=False) as archive:
        assert '"operator":"gin"' in str(archive["layers"])
        assert archive["layers.0.weight"].dtype == np.float32


def test_what_is_not_kept_is_said(tmp_path: Path) -> None:
    model = keep_network(network_of(), tmp_path / "one")
    with pytest.raises(ModelNotFound, match=f"{model.name[:10]} is not kept in .*other.*models"):
        restore(network_of(), model, tmp_path / "other")


def test_damage_is_said(tmp_path: Path) -> None:
    model, other = (keep_network(network_of(seed=seed), tmp_path) for seed in (0, 1))
    file_of(model, tmp_path).write_bytes(file_of(other, tmp_path).read_bytes())
    network = network_of()
    before = {name: tensor.clone() for name, tensor in learned(network)}
    with pytest.raises(WeightsError, match="does not have the digest"):
        restore(network, model, tmp_path)
    assert all(torch.equal(tensor, before[name]) for name, tensor in learned(network))
    file_of(model, tmp_path).write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(WeightsError, match="cannot be read"):
        restore(network, model, tmp_path)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    network = network_of()
    with torch.no_grad():
        network.layers[1].weight[0, 0] = torch.nan
    with pytest.raises(WeightsError, match=r"layers\.1\.weight holds a number that is not finite"):
        keep_network(network, tmp_path)
    assert not list(tmp_path.rglob("*.npz"))
