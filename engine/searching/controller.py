"""What draws the options of a one-shot search, and learns which to draw."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from engine.search import Choice, Option


class Controller(nn.Module):
    """A logit for each option of each choice.

    An option is drawn as the largest of logit plus noise, a sample of ``softmax(logits / noise)``.

    Args:
        choices: What is to be drawn.
        usual: Chance at first that a width is the first of its options; the others have equal
            parts of the rest, and all options of the shape are alike.
    """

    def __init__(self, choices: Sequence[Choice], usual: float) -> None:
        super().__init__()
        self._place = {choice.name: place for place, choice in enumerate(choices)}
        self.logits = nn.ParameterList(torch.zeros(len(choice.options)) for choice in choices)
        for choice, logits in zip(choices, self.logits, strict=True):
            if choice.is_width and len(choice.options) > 1:
                rest = (1 - usual) / (len(choice.options) - 1)
                logits.data[0] = math.log(usual / rest)

    def draw(self, choice: Choice, noise: float, generator: torch.Generator) -> Option:
        """Return an option.

        Args:
            choice: Of what.
            noise: Scale of the Gumbel noise.
            generator: Its source.
        """
        if len(choice.options) == 1:
            return choice.options[0]
        logits = self._of(choice).detach()
        uniform = torch.rand(len(logits), generator=generator).clamp_min(1e-20)
        drawn = logits - noise * torch.log(-torch.log(uniform))
        return choice.options[int(drawn.argmax())]

    def likeliest(self, choice: Choice) -> Option:
        """Return the option with the largest logit, of equals the first."""
        return choice.options[int(self._of(choice).detach().argmax())]

    def shares(self, choice: Choice, temperature: float) -> Tensor:
        """Return ``softmax(logits / temperature)``, [options], differentiable in the logits."""
        return torch.softmax(self._of(choice) / temperature, 0)

    def log_probability(self, choice: Choice, option: Option, noise: float) -> Tensor:
        """Return the logarithm of the chance that `draw` returns an option."""
        return torch.log_softmax(self._of(choice) / noise, 0)[choice.options.index(option)]

    @torch.no_grad()
    def entropy(self) -> float:
        """Return the mean entropy of the choices' ``softmax(logits)``, in bits; 0 of none."""
        shares = [torch.softmax(logits, 0) for logits in self.logits]
        bits = [-(share * share.clamp_min(1e-30).log2()).sum().item() for share in shares]
        return sum(bits) / max(1, len(bits))

    def _of(self, choice: Choice) -> Tensor:
        logits: Tensor = self.logits[self._place[choice.name]]
        return logits
