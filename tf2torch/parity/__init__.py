"""Proof that a conversion computes what its original does.

The names load when they are first used: the pytest plugin lies in this package, and pytest shall
not pay for what a test does not need.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tf2torch.parity.distributions import assert_same_distribution, compare_distribution
    from tf2torch.parity.findings import Finding
    from tf2torch.parity.functions import Comparison, assert_parity, compare
    from tf2torch.parity.graph_sides import MetaGraph
    from tf2torch.parity.layers import compare_layers
    from tf2torch.parity.programs import check_pair
    from tf2torch.parity.reports import Report
    from tf2torch.parity.tolerances import Tolerance
    from tf2torch.parity.trajectories import assert_training_parity, compare_training

__all__ = [
    "Comparison",
    "Finding",
    "MetaGraph",
    "Report",
    "Tolerance",
    "assert_parity",
    "assert_same_distribution",
    "assert_training_parity",
    "check_pair",
    "compare",
    "compare_distribution",
    "compare_layers",
    "compare_training",
]

_HOMES = {
    "check_pair": "programs",
    "assert_same_distribution": "distributions",
    "compare_distribution": "distributions",
    "Finding": "findings",
    "Comparison": "functions",
    "assert_parity": "functions",
    "compare": "functions",
    "compare_layers": "layers",
    "Report": "reports",
    "MetaGraph": "graph_sides",
    "Tolerance": "tolerances",
    "assert_training_parity": "trajectories",
    "compare_training": "trajectories",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
