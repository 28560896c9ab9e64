"""The ways to search, each a frozen value with its settings."""

from __future__ import annotations

from dataclasses import dataclass

from engine.spec import SpecError
from engine.spec.errors import check_integer, check_real


@dataclass(frozen=True, kw_only=True, slots=True)
class Uniform:
    """One width for everything, then one for weights and another for the rest; the usual shape."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chance:
    """Random search: every choice is drawn, all its options alike.

    Source:
        Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, JMLR 2012.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class Tpe:
    """Tree-structured Parzen estimators, as Optuna has them, over accuracy and both sizes.

    Args:
        batch: Runs that are proposed before any of them is known, so that they may run side by
            side; it decides what is proposed, whoever runs it.

    Source:
        Bergstra et al., Algorithms for Hyper-Parameter Optimization, NeurIPS 2011; Ozaki et al.,
        Multiobjective Tree-Structured Parzen Estimator, JAIR 2022.
    """

    batch: int = 4

    def __post_init__(self) -> None:
        check_integer("batch", self.batch, 1, 1000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Nsga2:
    """A genetic algorithm over accuracy and both sizes, as Optuna has it.

    Args:
        population: Runs of a generation; they may run side by side.

    Source:
        Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II, 2002.
    """

    population: int = 6

    def __post_init__(self) -> None:
        check_integer("population", self.population, 2, 1000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Greedy:
    """Widths lowered one by one, the least harmful for the bytes it saves first.

    Harm is the loss on the validation units that a component's lower width adds to the float
    model, quantized after training, with all else at the widest. The usual shape.

    Source:
        As in Dong et al., HAWQ, ICCV 2019, but measured instead of estimated from the Hessian.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class Sgquant:
    """Widths drawn at random, of which those are tried that take least and should do well enough.

    A forest of regression trees learns from the runs so far what widths come to on the validation
    units. Of many drawn widths that it expects to stay above a floor, those of the fewest bits are
    tried next; where it expects none to, the best. The usual shape.

    Args:
        floor: Most that a run may lose of the float model's validation accuracy, or gain in error.
        batch: Runs that are proposed before any of them is known, so that they may run side by
            side; the first ones are drawn, but for the widest everywhere.
        drawn: Widths that the forest looks at for each batch.

    Raises:
        SpecError: Naming the invalid field.

    Source:
        Feng et al., SGQuant: Squeezing the Last Bit on Graph Neural Networks with Specialized
        Quantization, ICTAI 2020, its automatic bit selection.

    Differs:
        Half of the widths looked at are drawn anew, the other half are the best ones so far with a
        few changed, since few of many components' drawn widths are all narrow. A tree's place is
        taken by a forest of them.
    """

    floor: float = 0.005
    batch: int = 4
    drawn: int = 2000

    def __post_init__(self) -> None:
        check_real("floor", self.floor, 0, 1e6)
        check_integer("batch", self.batch, 1, 1000)
        check_integer("drawn", self.drawn, 2, 1_000_000)


@dataclass(frozen=True, kw_only=True, slots=True)
class _OneShot:
    """What the one-shot searches share.

    Args:
        beta_low: Smallest weight of the size, above 0: the loss that half the bytes, of weights or
            of activations, are worth.
        beta_high: Largest weight of the size. The searches of a budget take weights between the two
            at equal ratios.
        warm_up: Trainings' worth of steps of the weights alone, shared by the searches of a budget.
        turns: Trainings' worth of steps of the weights and of the choices, in turns.
        choice_lr: Learning rate of the choices.
        usual: Chance at first that a width is its usual one, in (0, 1): with all alike, some width
            of a few bits would keep every network from learning.

    Raises:
        SpecError: Naming the invalid field.
    """

    beta_low: float = 0.03
    beta_high: float = 1.0
    warm_up: float = 0.75
    turns: float = 0.25
    choice_lr: float = 0.2
    usual: float = 0.7

    def __post_init__(self) -> None:
        check_real("beta_low", self.beta_low, 0, 1e6, open_low=True)
        check_real("beta_high", self.beta_high, 0, 1e6, open_low=True)
        if self.beta_high < self.beta_low:
            raise SpecError("beta_high", self.beta_high, f"at least beta_low, {self.beta_low:g}")
        check_real("warm_up", self.warm_up, 0, 100)
        check_real("turns", self.turns, 0, 100, open_low=True)
        check_real("choice_lr", self.choice_lr, 0, 10, open_low=True)
        check_real("usual", self.usual, 0, 1, open_low=True, open_high=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Relaxed(_OneShot):
    """Every tensor a mean of its widths' tensors, weighed by a softmax that is trained.

    Widths and weights learn on the training loss plus ``beta`` times the expected size; the usual
    shape.

    Source:
        The idea of Moustafa, Kriege and Gansterer, Efficient Mixed Precision Quantization in Graph
        Neural Networks (MixQ-GNN), ICDE 2025.
    """


@dataclass(frozen=True, kw_only=True, slots=True)
class Lpgnas(_OneShot):
    """Single-path one-shot search by gradient, of widths and of the network's shape.

    A controller draws one option of each choice for a step: the largest of logit plus Gumbel noise.
    Weights learn on the training loss, alone at first; then they take turns with the choices, which
    learn on the validation loss plus ``beta`` times the expected size.

    Args:
        temperature: Temperature of the softmax that gradients of widths pass, at first.
        last_temperature: The same at last; between the two by equal ratios.
        noise: Scale of the Gumbel noise at first, above 0.
        last_noise: The same at last; linear between the two.

    Raises:
        SpecError: Naming the invalid field.

    Source:
        Zhao et al., Learned Low Precision Graph Neural Networks, 2020 (arXiv 2009.09232).

    Differs:
        No code is public. A width's gradient is that of moving from the drawn option's tensor to
        each other's; the shape's is the score function's. All searches of a budget share one
        warm-up. Sizes count by their logarithm, as formats differ by halvings; buffers as the sum
        of all activations, since their peak has no gradient in most of them.
    """

    temperature: float = 2.0
    last_temperature: float = 0.5
    noise: float = 1.0
    last_noise: float = 0.1

    def __post_init__(self) -> None:
        # zero-argument super() does not know the class that slots make anew
        _OneShot.__post_init__(self)
        for field in ("temperature", "last_temperature", "noise", "last_noise"):
            check_real(field, getattr(self, field), 0, 1000, open_low=True)

    def schedule(self, share: float) -> tuple[float, float]:
        """Return noise and temperature when a share of the turns is over, 0 to 1."""
        noise = self.noise + share * (self.last_noise - self.noise)
        ratio = self.last_temperature / self.temperature
        return noise, self.temperature * ratio**share


OF_SHAPES = Lpgnas(warm_up=2.0, turns=1.0, choice_lr=0.1)
"""With shapes to choose, each network has its own ranges and few of the steps: it takes more."""

Method = Lpgnas | Uniform | Chance | Tpe | Nsga2 | Greedy | Relaxed | Sgquant

METHODS: dict[str, type[Method]] = {
    "lpgnas": Lpgnas,
    "uniform": Uniform,
    "random": Chance,
    "tpe": Tpe,
    "nsga2": Nsga2,
    "greedy": Greedy,
    "relaxed": Relaxed,
    "sgquant": Sgquant,
}
"""The methods by name."""


def name_of(method: Method) -> str:
    """Return a method's name."""
    return next(name for name, kind in METHODS.items() if type(method) is kind)
