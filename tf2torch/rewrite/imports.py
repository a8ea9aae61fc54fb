"""Imports without TensorFlow's."""

from __future__ import annotations

import libcst as cst

from tf2torch.cst.keep import keep_reason
from tf2torch.cst.names import names_in
from tf2torch.cst.walk import STATEMENTS, below
from tf2torch.diagnostics import Outcome
from tf2torch.rewrite.suites import Statements
from tf2torch.rewrite.writer import Writer, code


def without_tensorflow(writer: Writer, node: cst.BaseStatement) -> Statements:
    """An import without what it takes from TensorFlow; nothing if that was all."""
    assert isinstance(node, cst.SimpleStatementLine)
    small = node.body[0]
    symbols = writer.analysis.symbols
    if _imports_for_kept(writer, small):
        writer.settle(small, Outcome.KEPT, "keep", "a statement that is kept needs it")
        return [node]
    if isinstance(small, cst.ImportFrom):
        if small in symbols:
            writer.settle(small, Outcome.ABSORBED, "import")
            return []
        if small.module is not None and code(small.module) == "__future__":
            return []
        return [node]
    assert isinstance(small, cst.Import)
    kept = [alias for alias in small.names if alias not in symbols]
    if len(kept) == len(small.names):
        return [node]
    writer.settle(small, Outcome.ABSORBED, "import")
    if not kept:
        return []
    kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return [node.with_changes(body=[small.with_changes(names=kept)])]


def _imports_for_kept(writer: Writer, small: cst.BaseSmallStatement) -> bool:
    """Whether a statement under ``# tf2torch: keep`` uses what an import binds."""
    cache = writer.analysis.state.cache
    if "kept_names" not in cache:
        statements = below(writer.analysis.source.module, *STATEMENTS)
        kept = [n for n in statements if keep_reason(n) is not None]
        cache["kept_names"] = {name for n in kept for name in names_in(n).loads}
    assert isinstance(small, (cst.Import, cst.ImportFrom))
    if isinstance(small.names, cst.ImportStar):
        return bool(cache["kept_names"])
    return any(
        (code(alias.asname.name) if alias.asname else alias.evaluated_name.partition(".")[0])
        in cache["kept_names"]
        for alias in small.names
    )
