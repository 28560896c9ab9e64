"""LPGNAS: widths, shapes and both searched by gradient, against its rivals with the same work.

Source:
    Zhao et al., Learned Low Precision Graph Neural Networks, 2020 (arXiv 2009.09232).
"""

from __future__ import annotations

from dataclasses import replace

from engine.reproduce.race import Entrant, Race
from engine.search import (
    METHODS,
    OF_SHAPES,
    Budget,
    Chance,
    Method,
    Nsga2,
    SearchSpec,
    Space,
    Tpe,
)
from engine.spec import GraphSpec, TrainingSpec
from engine.spec.run import CITATION
from engine.spec.schemes import DISTILLATION

GRAPHS = tuple(GraphSpec(name=n) for n in ("Cora", "CiteSeer", "PubMed", "Photo", "Computers"))
LARGE = tuple(GraphSpec(name=name, split="large") for name in CITATION)
"""Near the paper's splits, which it does not publish; its accuracies (Cora 89.8, PubMed 89.6 %) are
those of most nodes learned from.
"""

SHAPES = Space(
    operators=("gcn", "gat", "appnp"),
    hidden=(16, 8, 32, 64),
    layers=(2, 3),
    steps=(10, 5, 2),
    activations=("relu", "elu"),
)
"""The shapes, widths included."""

SPACES: dict[str, tuple[Space, dict[str, Method]]] = {
    "widths of gcn 2×16": (Space(), {name: kind() for name, kind in METHODS.items()}),
    "shapes in float32": (
        replace(SHAPES, widths=(32,)),
        {"lpgnas": OF_SHAPES, "random": Chance(), "tpe": Tpe()},
    ),
    "widths and shapes": (
        SHAPES,
        {"lpgnas": OF_SHAPES, "random": Chance(), "tpe": Tpe(), "nsga2": Nsga2()},
    ),
}
"""What is searched, and how."""

NOTES = (
    "Every search has the work of 16 trainings, its own steps counted, and sees validation only. A",
    "width is 8, 4 or 2 bits for each component of each layer, the final scores are float; shapes:",
    "gcn, gat or appnp, 2 or 3 layers, 8 to 64 hidden features, relu or elu, 2, 5 or 10 steps.",
    "Runs: Degree-Quant, 200 epochs, the public split or 20 a class, or 60 : 20 : 20 of each class",
    "where the title says so, near the paper's; where widths are chosen, half of the loss is the",
    "divergence from the float network of the same shape and seed, whose training is counted for",
    "no entrant. Hypervolume: what the front gains over the float32 network's bytes and the best",
    "constant answer: accuracy × halvings of the model × halvings of the buffers; mean ± sd over",
    "search seeds; on the test nodes it is that of the front that validation chose. The answer is",
    "the smallest of the front within one point of its best validation accuracy: bytes are the",
    "median answer's, accuracy that of its integers in percent, trained from scratch with fresh",
    "seeds, mean ± sd.",
)


def lpgnas(*, seeds: int = 5, epochs: int | None = None, smoke: bool = False) -> Race:
    """Return the race.

    Args:
        seeds: Searches of each entrant.
        epochs: Of a training, instead of 200.
        smoke: The same on a tiny embedded graph for a few epochs: that it runs, not what it says.
    """
    epochs = epochs or (13 if smoke else 200)
    trained = TrainingSpec(epochs=epochs)
    taught = replace(trained, distillation=DISTILLATION)
    budget = Budget(trainings=6) if smoke else Budget()
    entrants = []
    for graph in (GraphSpec(name="karate"),) if smoke else (*GRAPHS, *LARGE):
        for title, (space, methods) in SPACES.items():
            training = trained if space.widths == (32,) else taught
            held = replace(space, graph=graph, training=training)
            for method, how in methods.items():
                first = SearchSpec(space=held, method=how, budget=budget)
                entrants.append(
                    Entrant(
                        graph=graph.title,
                        space=title,
                        method=method,
                        searches=tuple(replace(first, seed=seed) for seed in range(seeds)),
                        again=1 if smoke else 2,
                    )
                )
    title = "Searching widths and shapes: LPGNAS and its rivals"
    return Race(name="lpgnas", title=title, notes=NOTES, entrants=tuple(entrants))
