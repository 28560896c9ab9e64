"""Distillation: the loss by hand, a teacher asked once a graph, and learning without labels."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine.graphs import Graph
from engine.learning import objective
from engine.learning.batch import Batch
from engine.learning.distillation import Teacher
from engine.learning.feed import WholeGraph
from engine.learning.network import Network
from engine.learning.protection import DegreeProtection
from engine.learning.training import fit
from engine.spec import ModelSpec, Protection, RunSpec, TrainingSpec, scheme


def network_of(graph: Graph, spec: RunSpec, seed: int) -> Network:
    layers = spec.model.layer_specs(graph.features, graph.classes)
    return Network(layers, spec.quant, torch.Generator().manual_seed(seed))


def fitted(
    graph: Graph, spec: RunSpec, batch: Batch, teacher: Teacher | None, seed: int = 0
) -> Network:
    network = network_of(graph, spec, seed)
    feed = WholeGraph(batch, DegreeProtection(graph, Protection()))
    generator = torch.Generator().manual_seed(seed)
    for _ in fit(network, feed, spec.training, generator, teacher=teacher):
        pass
    return network


def test_the_loss_by_hand(karate: Graph) -> None:
    batch = Batch.of(karate)
    network = network_of(karate, scheme("float"), 1)
    outputs = torch.linspace(-1, 1, karate.classes * karate.nodes).view(karate.nodes, -1)
    teacher = Teacher(network, 0.25)
    answer = network(batch.x, batch.adjacencies)
    p, q = answer.softmax(1), outputs.softmax(1)
    apart = (p * (p / q).log()).sum(1).mean()
    found = teacher.loss(outputs, batch, torch.tensor(8.0))
    assert found.item() == pytest.approx(6 + 0.25 * apart.item(), rel=1e-5)
    assert not found.requires_grad, "nothing flows into the teacher"


def test_targets_differ_absolutely() -> None:
    outputs, wanted = torch.tensor([[1.0], [4.0]]), torch.tensor([[2.0], [2.0]])
    assert objective.divergence(outputs, wanted, torch.zeros(2, 1)).item() == 1.5
    for kind in (torch.int64, torch.float32):
        assert objective.divergence(outputs[:0], wanted[:0], torch.zeros(0, dtype=kind)) == 0


def test_a_teacher_is_asked_once_a_batch(karate: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    network = network_of(karate, scheme("float"), 1)
    forward = network.forward
    monkeypatch.setattr(network, "forward", lambda *of: asked.append(of) or forward(*of))
    teacher, scores = Teacher(network, 1.0), torch.zeros(karate.nodes, karate.classes)
    batch, other = Batch.of(karate), Batch.of(karate)
    for of in (batch, batch, other):
        teacher.loss(scores, of, torch.zeros(()))
    assert len(asked) == 2
    assert not network.training


def test_a_teacher_alone_teaches_what_it_knows(karate: Graph) -> None:
    """With all of the loss its own, labels say nothing: another teacher, another pupil."""
    spec = scheme("qat", bits=8, model=ModelSpec(dropout=0), training=TrainingSpec(epochs=60))
    batch = replace(Batch.of(karate), validation=torch.zeros(0, dtype=torch.int64))
    teaching = fitted(karate, scheme("float", training=TrainingSpec(epochs=60)), batch, None, 3)
    wanted = teaching(batch.x, batch.adjacencies).argmax(1)
    mislabelled = replace(batch, y=(batch.y + 1) % karate.classes)
    pupil = fitted(karate, spec, mislabelled, Teacher(teaching, 1.0))
    agreed = (pupil(batch.x, batch.adjacencies).argmax(1) == wanted).double().mean()
    assert agreed >= 0.9
