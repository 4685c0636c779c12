"""What a subject says about each implementation that it hosts: what it is, and what it
can do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

# By layer, and by name of a documented parameter ("params.units", "call.mask",
# "input.form"): True for any value, or the values that are offered.
Layers: TypeAlias = Mapping[str, Mapping[str, Any]]

Json: TypeAlias = dict[str, Any]

# The word for everything that the dialect documents.
ALL = "all"


@dataclass(frozen=True)
class Introduction:
    """One implementation in its own words. What it does not declare, it does not offer.

    `dialect` is the documented API that it follows, in `version` of the documentation
    where several are known. `accumulation` has the dtypes that it computes in, each
    with the dtype in which it adds up matrix products.

    `layers` are those it offers, with their parameters; None is all. A parameter that
    it does not name is offered at its documented default alone. `actions` are the steps
    that it takes beside "call"; None is all.

    `gradients`: it differentiates. `derivatives`: those along a direction,
    "forward-mode" and "second-order". `masks`: the actions ("call", "train") of which
    it shows the random masks. `effects`: it shows what a call leaves behind, as losses.
    `refusals`: it refuses what has to be refused, with the documented exception.

    `slow`: it runs the points that cover a large matrix, and not all. `lifetime`: the
    number of requests after which its process is to be replaced. `relies_on`: by dtype,
    what the processor must offer for its own kernels to run.
    """

    name: str
    dialect: str
    accumulation: Mapping[str, str]
    version: str = ""
    layers: Layers | None = None
    actions: tuple[str, ...] | None = ()
    gradients: bool = False
    derivatives: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    effects: bool = False
    refusals: bool = False
    slow: bool = False
    lifetime: int | None = None
    relies_on: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> Json:
        """As the hello has it."""
        return {
            "name": self.name,
            "dialect": self.dialect,
            "version": self.version,
            "accumulation": dict(self.accumulation),
            "layers": ALL
            if self.layers is None
            else {layer: dict(offered) for layer, offered in self.layers.items()},
            "actions": ALL if self.actions is None else list(self.actions),
            "gradients": self.gradients,
            "derivatives": list(self.derivatives),
            "masks": list(self.masks),
            "effects": self.effects,
            "refusals": self.refusals,
            "slow": self.slow,
            **({} if self.lifetime is None else {"lifetime": self.lifetime}),
            "relies_on": dict(self.relies_on),
        }

    @classmethod
    def from_json(cls, data: Json) -> "Introduction":
        """From a hello that fits the schema."""
        actions = data.get("actions", [])
        return cls(
            name=data["name"],
            dialect=data["dialect"],
            accumulation=data["accumulation"],
            version=data.get("version", ""),
            layers=None if data["layers"] == ALL else data["layers"],
            actions=None if actions == ALL else tuple(actions),
            gradients=data.get("gradients", False),
            derivatives=tuple(data.get("derivatives", ())),
            masks=tuple(data.get("masks", ())),
            effects=data.get("effects", False),
            refusals=data.get("refusals", False),
            slow=data.get("slow", False),
            lifetime=data.get("lifetime"),
            relies_on=data.get("relies_on", {}),
        )
