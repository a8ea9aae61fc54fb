"""Proof that a conversion computes what its original does."""

from __future__ import annotations

from tf2torch.parity.compare import check_pair
from tf2torch.parity.findings import Finding
from tf2torch.parity.reports import Report
from tf2torch.parity.tolerances import Tolerance

__all__ = ["Finding", "Report", "Tolerance", "check_pair"]
