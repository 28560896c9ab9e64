"""Kept weights: the same network again, whatever its widths; another network's are refused."""

from __future__ import annotations

from io import BytesIO

import pytest
import torch

from engine.learning.network import Network
from engine.learning.quantizers import Quantizer
from engine.learning.weights import WeightsError, read_weights, write_weights
from engine.spec import ModelSpec, scheme, vary


def network_of(model: ModelSpec, name: str = "float", seed: int = 0, features: int = 5) -> Network:
    spec = vary(scheme(name, bits=4, model=model), rule="learned-step")
    generator = torch.Generator().manual_seed(seed)
    return Network(model.layer_specs(features, 3), spec.quant, generator)


def file_of(network: Network) -> BytesIO:
    file = BytesIO()
    write_weights(network, file)
    file.seek(0)
    return file


def learned(network: Network) -> dict[str, torch.Tensor]:
    own = [name for name, module in network.named_modules() if isinstance(module, Quantizer)]
    return {
        name: tensor.clone()
        for name, tensor in network.state_dict().items()
        if not any(name.startswith(f"{prefix}.") for prefix in own)
    }


@pytest.mark.parametrize("operator", ["gcn", "gat", "gin", "sage"])
def test_a_network_of_other_widths_starts_from_the_same(operator) -> None:
    model = ModelSpec(operator=operator, hidden=8, batch_norm=True)
    network, other = network_of(model), network_of(model, "qat", seed=1)
    with torch.no_grad():
        for tensor in learned(network).values():
            if tensor.is_floating_point():
                tensor += torch.rand_like(tensor)
        network.layers[0].norm.running_var.mul_(3)
        network.layers[0].bias.add_(1)
    quantizers = {
        name: tensor.clone()
        for name, tensor in other.state_dict().items()
        if name not in learned(other)
    }
    read_weights(other, file_of(network))
    expected, found = learned(network), learned(other)
    assert expected.keys() == found.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert quantizers
    assert all(torch.equal(other.state_dict()[name], quantizers[name]) for name in quantizers)


@pytest.mark.parametrize(
    ("model", "features", "message"),
    [
        (ModelSpec(operator="gin"), 5, "weights of another network; it differs in layers"),
        (ModelSpec(layers=3), 5, "weights of another network; it differs in layers.2"),
        (ModelSpec(), 6, r"layers.0.weight has shape \(6, 16\), wanted \(5, 16\)"),
    ],
)
def test_another_networks_weights_are_refused(model, features, message) -> None:
    network = network_of(ModelSpec())
    before = learned(network)
    with pytest.raises(WeightsError, match=message):
        read_weights(network, file_of(network_of(model, features=features)))
    assert all(torch.equal(learned(network)[name], before[name]) for name in before)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_named(content: bytes) -> None:
    with pytest.raises(WeightsError, match="the file of weights cannot be read"):
        read_weights(network_of(ModelSpec()), BytesIO(content))
