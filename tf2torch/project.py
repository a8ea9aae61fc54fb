"""A folder of source files: programs of several files are converted as one.

Like `tf2torch.pipeline` this knows all stages, and it writes and prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from tf2torch import pipeline
from tf2torch.config import DEFAULT, Options
from tf2torch.diagnostics import Diagnostic, LoadError, Outcome, Reference, Severity
from tf2torch.emit.conversion import Conversion

if TYPE_CHECKING:
    from tf2torch.analyse.linking import Linked, Part
    from tf2torch.emit.forms import Form
    from tf2torch.load import Source
    from tf2torch.rulebook.loader import Rulebook

Place = PurePosixPath
Results = Mapping["Program", Sequence["Form"]]


@dataclass(frozen=True)
class Program:
    """Files of one program, each behind what it imports; the last is the one to run."""

    files: tuple[Place, ...]


def convert_folder(
    folder: Path,
    files: Sequence[tuple[Path, str]],
    rules: Sequence[Path] = (),
    options: Options = DEFAULT,
    jobs: int = 1,
) -> Iterator[Conversion]:
    """Converts the files of a folder, given with the names to show; results in their order."""
    from tf2torch.emit.forms import Form, clashes, left_to_do, one_form
    from tf2torch.emit.markers import with_markers_told

    places = {Place(path.relative_to(folder).as_posix()): (path, name) for path, name in files}
    paths = {place: path for place, (path, _) in places.items()}
    names = {place: name for place, (_, name) in places.items()}
    programs = find_programs(paths)
    together = [program for program in programs if len(program.files) > 1]
    members = {place for program in together for place in program.files}
    alone = [(path, name) for place, (path, name) in places.items() if place not in members]
    found: dict[str, list[Form]] = {}

    def converted(chosen: Sequence[Program], shared: Mapping[Place, frozenset[str]]) -> Results:
        tasks = [(program, paths, names, shared) for program in chosen]
        made = pipeline.results_of(_convert_task, tasks, rules, options, jobs, _task_failed)
        return dict(zip(chosen, made, strict=True))

    results = converted(together, {})
    apart = {place: clashes(forms) for place, forms in _by_place(results).items()}
    if any(apart.values()):
        # The form of code that keeps its scopes does not depend on the program.
        again = [program for program in together if any(apart[p] for p in program.files)]
        other = {**results, **converted(again, apart)}
        left = [name for forms in _by_place(other).values() for name in clashes(forms)]
        before, after = (left_to_do(f for fs in r.values() for f in fs) for r in (results, other))
        if after <= before and len(left) < sum(map(len, apart.values())):
            results = other
    for place, forms in _by_place(results).items():
        found[places[place][1]] = forms
    for conversion in pipeline.convert_all(alone, rules, options, jobs, members=True):
        found.setdefault(conversion.path, []).append(Form(conversion))
    local = frozenset(part.removesuffix(".py") for place in paths for part in place.parts)
    yield from with_markers_told([one_form(found[name], local) for _, name in files])


def _by_place(results: Results) -> dict[Place, list[Form]]:
    """The forms of each file that programs have made of it."""
    found: dict[Place, list[Form]] = {}
    for program, forms in results.items():
        for place, form in zip(program.files, forms, strict=True):
            found.setdefault(place, []).append(form)
    return found


def find_programs(paths: Mapping[Place, Path]) -> list[Program]:
    """The programs of a folder; files that neither use TensorFlow nor import such are in none."""
    from tf2torch.load.imports import Files, entries, imported, in_order

    files = Files(paths)
    edges: dict[Place, tuple[Place, ...]] = {}
    mentions = set()
    for place, path in paths.items():
        source = _load(path)
        if source is None:
            continue
        edges[place] = tuple(dict.fromkeys(imported(files, place, source.module)))
        if pipeline.mentions_tensorflow(source.text.encode("utf-8", "replace")):
            mentions.add(place)
    relevant = {place for place in edges if mentions & set(in_order(edges, place))}
    kept = {
        place: tuple(other for other in others if other in relevant and other != place)
        for place, others in edges.items()
        if place in relevant
    }
    return [Program(in_order(kept, entry)) for entry in entries(kept)]


def _load(path: Path) -> Source | None:
    from tf2torch.load import load

    if path.suffix != ".py":
        return None
    try:
        return load(path)
    except LoadError:
        return None


# -- one program ---------------------------------------------------------------------------------

Task = tuple[Program, Mapping[Place, Path], Mapping[Place, str], Mapping[Place, frozenset[str]]]


def _convert_task(rulebook: Rulebook, options: Options, task: Task) -> list[Form]:
    program, paths, names, shared = task
    return convert_program(program, paths, names, rulebook, options, shared)


def _task_failed(task: Task, error: BaseException) -> list[Form]:
    from tf2torch.emit.forms import Form

    program, _, names, _ = task
    return [Form(pipeline.internal_failure(names[place], error)) for place in program.files]


def convert_program(
    program: Program,
    paths: Mapping[Place, Path],
    names: Mapping[Place, str],
    rulebook: Rulebook,
    options: Options,
    shared: Mapping[Place, frozenset[str]],
) -> list[Form]:
    """What a program makes of its files; every failure is in the results.

    `shared` are definitions of files that other programs need in the form of the scoped tier.
    """
    from tf2torch.analyse.file_linker import CannotLink
    from tf2torch.emit.forms import Form

    try:
        return pipeline.with_deep_stack(
            lambda: _converted(program, paths, names, rulebook, options, shared)
        )
    except CannotLink as reason:
        message = f"its files are converted one by one: {reason}"
        rule, severity = "not-linked", Severity.WARNING
        trace = ""
    except Exception as error:
        failure = pipeline.internal_failure(names[program.files[-1]], error)
        message, trace = failure.diagnostics[0].message, failure.traceback
        rule, severity = "internal-error", Severity.ERROR
    results = [
        pipeline.convert_path(paths[place], rulebook, options, names[place], member=True)
        for place in program.files
    ]
    note = Diagnostic(names[program.files[-1]], 0, 0, rule, severity, message)
    results[-1] = replace(
        results[-1],
        diagnostics=(note, *results[-1].diagnostics),
        traceback=results[-1].traceback or trace,
    )
    return [Form(conversion) for conversion in results]


def _converted(
    program: Program,
    paths: Mapping[Place, Path],
    names: Mapping[Place, str],
    rulebook: Rulebook,
    options: Options,
    shared: Mapping[Place, frozenset[str]],
) -> list[Form]:
    from tf2torch.analyse.linking import idle_names, link
    from tf2torch.emit.forms import Form
    from tf2torch.load.imports import Files
    from tf2torch.load.source import load_bytes
    from tf2torch.rewrite.splitting import split

    raw = {place: paths[place].read_bytes() for place in program.files}
    sources = [(place, load_bytes(raw[place], names[place])) for place in program.files]
    linked = link(Files(paths), sources)
    scoped = frozenset(
        own
        for part in linked.parts
        for name, own in part.names.items()
        if name in shared.get(part.path, ())
    )
    whole = pipeline.convert_source(linked.source, rulebook, options, scoped)
    parts = split(whole.text, linked) if whole.text is not None else {}
    idle = idle_names(linked)
    results = []
    for part in linked.parts:
        base = pipeline.unchanged(part.source)
        base = replace(base, raw=raw[part.path])
        made = parts.get(part.path)
        if made is None:
            results.append(Form(base, idle[part.path]))
            continue
        pipeline.check_parses(made.text)
        diagnostics = [*_findings(whole.diagnostics, linked, part), *_own_findings(part, made)]
        references = _references(whole.references, linked, part)
        last = part is linked.parts[-1]
        conversion = replace(
            base,
            text=made.text if references or _differs(base.source, made.text) else None,
            weights=_weights(whole.weights, made.classes, linked, parts, last),
            support=made.support,
            plan=whole.plan if last else "",
            diagnostics=tuple(sorted(diagnostics)),
            references=tuple(references),
        )
        results.append(Form(conversion, idle[part.path]))
    return results


def _findings(found: Sequence[Diagnostic], linked: Linked, part: Part) -> Iterator[Diagnostic]:
    from tf2torch.rewrite.splitting import unmarked

    for finding in found:
        where, line = linked.place(finding.line)
        if finding.line == 0:
            where, line = linked.parts[-1], 0
        if where is part:
            message = unmarked(finding.message)
            yield replace(finding, path=part.source.path, line=line, message=message)


def _own_findings(part: Part, made: Any) -> Iterator[Diagnostic]:
    """What the files of a program cannot do for each other any more."""
    for name in made.circular:
        message = f"'{name}' is now defined in a file that imports this one"
        yield Diagnostic(part.source.path, 1, 1, "circular-import", Severity.ERROR, message)


def _references(found: Sequence[Reference], linked: Linked, part: Part) -> list[Reference]:
    references = []
    for reference in found:
        where, line = linked.place(reference.line)
        if where is part:
            references.append(replace(reference, line=line))
    if part.guard is not None:
        from tf2torch.analyse.linking import guard_references

        number = max((r.id for r in found), default=0)
        for symbol, line, column in guard_references(part):
            number += 1
            note = "what an imported file does as a script is not converted"
            references.append(
                Reference(number, symbol, line, column, Outcome.TODO, "imported-script", note)
            )
    return references


def _differs(source: str, text: str) -> bool:
    """Whether a file without TensorFlow is more than its imports in another order."""
    return sorted(filter(None, source.splitlines())) != sorted(filter(None, text.splitlines()))


def _weights(
    weights: Mapping[str, Any],
    classes: frozenset[str],
    linked: Linked,
    parts: Mapping[Place, Any],
    last: bool,
) -> dict[str, Any]:
    """The entries of a weight map for the classes of one file; the rest is the last file's."""
    from tf2torch.rewrite.splitting import unmarked

    others = {name for made in parts.values() for name in made.classes} - classes

    def mine(target: Mapping[str, Any]) -> bool:
        root = unmarked(target["module"] or "").split("#")[0]
        return root in classes or (last and root not in others)

    variables: dict[str, Any] = {}
    for name, entry in weights.get("variables", {}).items():
        targets = entry if isinstance(entry, list) else [entry] if entry is not None else []
        kept = [
            {key: unmarked(v) if isinstance(v, str) else v for key, v in target.items()}
            for target in targets
            if mine(target)
        ]
        if kept:
            variables[name] = kept[0] if len(kept) == 1 else kept
        elif last and not targets:
            variables[name] = None
    if not variables and not last:
        return {}
    optimizers = weights.get("optimizers", []) if last else []
    return {**weights, "variables": variables, "optimizers": optimizers}
