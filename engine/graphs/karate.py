"""karate: Zachary's karate club, as PyTorch Geometric has it."""

from __future__ import annotations

import numpy as np

from engine.graphs.features import compact
from engine.graphs.graph import Graph
from engine.graphs.splits import split_by_share

COMMUNITIES = "1111333101311100310101002200200200"
"""The community of each of the 34 members, by modularity; the order is networkx's."""

SPLIT_SEED = 0


def karate() -> Graph:
    """Return the karate club: 34 members, 156 directed edges (78 friendships), 4 communities.

    Features are the identity matrix. The first member of each community is for training; a third of
    the others of each are for validation and the rest for testing, seed 0.

    Source:
        Zachary, An Information Flow Model for Conflict and Fission in Small Groups, 1977;
        communities and training nodes: Kipf & Welling, ICLR 2017.
    """
    import networkx as nx

    friendships = np.array(nx.karate_club_graph().edges, dtype=np.int64).T
    y = np.array(list(COMMUNITIES), dtype=np.int64)
    train = np.zeros(len(y), dtype=bool)
    train[np.unique(y, return_index=True)[1]] = True
    val, test = split_by_share(y, ~train, (1, 2), SPLIT_SEED)
    return Graph(
        name="karate",
        edge_index=np.concatenate([friendships, friendships[::-1]], axis=1),
        x=compact(np.eye(len(y))),
        y=y,
        train=train,
        val=val,
        test=test,
        classes=4,
    )
