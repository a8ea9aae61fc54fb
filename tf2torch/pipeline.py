"""From files to conversions: the only module that knows all stages; it writes and prints nothing.

The stages are imported when first used: `tf2torch --help` must not pay for them.
"""

from __future__ import annotations

import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tf2torch import __version__
from tf2torch.config import DEFAULT, Options
from tf2torch.diagnostics import Diagnostic, LoadError, Reference, Severity
from tf2torch.emit.conversion import Conversion

if TYPE_CHECKING:
    from tf2torch.load import Source
    from tf2torch.rulebook.loader import Rulebook

T = TypeVar("T")
K = TypeVar("K")

#: Without any of these a file cannot refer to TensorFlow and is not even parsed.
_MENTION = re.compile(rb"tensorflow|\btf\b|\btf_slim\b|\bslim\b")
_SKIP_FILE = re.compile(r"^[ \t]*#[ \t]*tf2torch:[ \t]*skip-file\b", re.MULTILINE)
#: Trees of generated code are deep; the stack of a thread can be made as large.
_STACK_BYTES = 512 * 1024 * 1024
_RECURSION_LIMIT = 20_000


def convert_path(
    path: Path,
    rulebook: Rulebook,
    options: Options = DEFAULT,
    shown: str | None = None,
    *,
    member: bool = False,
) -> Conversion:
    """Converts a file; every failure is in the result.

    A `member` of a folder that does not mention TensorFlow need not even parse.
    """
    name = shown if shown is not None else str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        message = error.strerror or str(error)
        return _unreadable(LoadError(name, 0, 0, message), b"")
    if member and not mentions_tensorflow(data):
        return Conversion(name, data)
    return convert_bytes(data, rulebook, options, name)


def convert_text(
    text: str, rulebook: Rulebook, options: Options = DEFAULT, path: str = "<string>"
) -> Conversion:
    """Converts source text; every failure is in the result."""
    return convert_bytes(text.encode("utf-8", "surrogatepass"), rulebook, options, path)


def convert_bytes(
    data: bytes, rulebook: Rulebook, options: Options = DEFAULT, path: str = "<stdin>"
) -> Conversion:
    """Converts the bytes of a file; every failure is in the result."""
    from tf2torch.emit.markers import with_markers_told
    from tf2torch.load.source import load_bytes

    def convert() -> Conversion:
        made = convert_source(load_bytes(data, path), rulebook, options)
        return replace(with_markers_told([made])[0], raw=data)

    try:
        return with_deep_stack(convert)
    except LoadError as error:
        return _unreadable(error, data)
    except Exception as error:
        return replace(internal_failure(path, error), raw=data)


def _unreadable(error: LoadError, data: bytes) -> Conversion:
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    return Conversion(error.path, data, source=text, diagnostics=(error.diagnostic(),), failed=True)


def mentions_tensorflow(data: bytes) -> bool:
    """Whether the bytes of a file can refer to TensorFlow."""
    return _MENTION.search(data) is not None


def unchanged(source: Source) -> Conversion:
    """A source that stays as it is."""
    return Conversion(
        source.path,
        original=source.original or source.text,
        source=source.text,
        encoding=source.encoding,
        newline=source.newline,
        cells=source.notebook.cells if source.notebook is not None else (),
    )


def convert_source(
    source: Source,
    rulebook: Rulebook,
    options: Options = DEFAULT,
    scoped: frozenset[str] = frozenset(),
) -> Conversion:
    """Runs the stages over one source; a fault of theirs is raised.

    `scoped` are definitions that are to keep their variable scopes, as other programs need them.
    """
    same = unchanged(source)
    if not mentions_tensorflow(source.text.encode("utf-8", "replace")):
        return same
    if _SKIP_FILE.search(source.text):
        message = "left as it is: tf2torch: skip-file"
        note = Diagnostic(source.path, 1, 1, "skip-file", Severity.NOTE, message)
        return replace(same, diagnostics=(note,))

    from tf2torch.analyse import analyse
    from tf2torch.cst.memory import forget
    from tf2torch.plan import make_plan
    from tf2torch.rewrite import rewrite

    try:
        analysis = analyse(source, rulebook, options)
        plan = make_plan(analysis)
        rewritten = rewrite(plan, scoped)
    finally:
        forget()
    check_accounts(rewritten.references)
    if not rewritten.references:
        return same
    check_parses(rewritten.text)
    text = rewritten.text.rstrip("\n") + "\n"
    if source.notebook is not None:
        from tf2torch.load.notebook import write

        text = write(source.notebook, text)
    return replace(
        same,
        text=text,
        weights=rewritten.weights,
        support=tuple(rewritten.support),
        plan=plan.describe(),
        diagnostics=(*source.notes, *rewritten.diagnostics),
        references=tuple(rewritten.references),
    )


def check_accounts(references: Sequence[Reference]) -> None:
    """Every TensorFlow reference has exactly one outcome; raises AssertionError."""
    seen: dict[int, Reference] = {}
    for reference in references:
        other = seen.setdefault(reference.id, reference)
        if other is not reference:
            raise AssertionError(
                f"reference {reference.id} ({reference.symbol}, line {reference.line}) "
                f"ends as {other.outcome.value} and as {reference.outcome.value}"
            )


def check_parses(text: str) -> None:
    """The output is Python; raises AssertionError with the line that is not."""
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except SyntaxError as error:
        line = (error.text or "").strip()
        raise AssertionError(f"the output does not parse: {error.msg}: {line!r}") from None


def internal_failure(path: str, error: BaseException) -> Conversion:
    """A fault of our own as a result: what happened, where, and what to send us."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    detail = str(error).split("\n")[0]
    message = f"{type(error).__name__}: {detail}{place}"
    help = (
        "a fault of tf2torch, not of your program, and the file was not converted; please report "
        f"it with the source and the output of --report fault.json (tf2torch {__version__})"
    )
    finding = Diagnostic(path, 0, 0, "internal-error", Severity.ERROR, message, help)
    text = "".join(traceback.format_exception(error))
    return Conversion(path, diagnostics=(finding,), failed=True, traceback=text)


def with_deep_stack(function: Callable[[], T]) -> T:
    """Calls `function` in a thread whose stack suits deep syntax trees."""
    if threading.current_thread().name == "tf2torch":
        return function()
    result: list[T] = []
    failure: list[BaseException] = []

    def target() -> None:
        try:
            result.append(function())
        except BaseException as error:
            failure.append(error)

    limit, size = sys.getrecursionlimit(), threading.stack_size(_STACK_BYTES)
    try:
        sys.setrecursionlimit(max(limit, _RECURSION_LIMIT))
        thread = threading.Thread(target=target, name="tf2torch", daemon=True)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)
    if failure:
        raise failure[0]
    return result[0]


def convert_all(
    files: Sequence[tuple[Path, str]],
    rules: Sequence[Path] = (),
    options: Options = DEFAULT,
    jobs: int = 1,
    *,
    members: bool = False,
) -> Iterator[Conversion]:
    """Converts files, given with the names to show, and yields the results in their order."""
    tasks = [(path, shown, members) for path, shown in files]
    return results_of(_convert_file, tasks, rules, options, jobs, _file_failed)


FileTask = tuple[Path, str, bool]


def _convert_file(rulebook: Rulebook, options: Options, task: FileTask) -> Conversion:
    path, shown, member = task
    return convert_path(path, rulebook, options, shown, member=member)


def _file_failed(task: FileTask, error: BaseException) -> Conversion:
    return internal_failure(task[1], error)


def results_of(
    work: Callable[[Rulebook, Options, K], T],
    tasks: Sequence[K],
    rules: Sequence[Path],
    options: Options,
    jobs: int,
    failed: Callable[[K, BaseException], T],
) -> Iterator[T]:
    """Yields what `work` makes of each task, in their order, from up to `jobs` processes.

    `failed` gives the result of a task whose process died. Raises RuleError.
    """
    rulebook = read_rulebook(rules)  # a fault in the rules is told once, here
    if jobs <= 1 or len(tasks) <= 1:
        for task in tasks:
            yield work(rulebook, options, task)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool

    workers = min(jobs, len(tasks))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker, (tuple(rules), options)) as pool:
        futures = [pool.submit(_in_worker, work, task) for task in tasks]
        for task, future in zip(tasks, futures, strict=True):
            try:
                yield future.result()
            except BrokenProcessPool as error:
                yield failed(task, error)


_worker: dict[str, Any] = {}


def _start_worker(rules: tuple[Path, ...], options: Options) -> None:
    _worker.update(rulebook=read_rulebook(rules), options=options)


def _in_worker(work: Callable[[Rulebook, Options, K], T], task: K) -> T:
    return work(_worker["rulebook"], _worker["options"], task)


def read_rulebook(rules: Sequence[Path] = ()) -> Rulebook:
    """The built-in rules and those of the folders given; raises RuleError."""
    from tf2torch.rulebook.loader import load_rulebook

    return load_rulebook(rules)
