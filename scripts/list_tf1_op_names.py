"""Writes the names that TensorFlow 1.15 gives the operations of each function that has rule cases.

Two steps, since the rules need a newer Python than TensorFlow 1.15 runs on:

    python scripts/list_tf1_op_names.py export cases.json
    python3.7 scripts/list_tf1_op_names.py record cases.json tf2torch/rulebook/data/op_names.tsv
"""

import ast
import json
import re
import sys


def export(path):
    """The cases whose expression is one call of a TensorFlow function on inputs."""
    from tf2torch.rulebook.case_inputs import parse_spec
    from tf2torch.rulebook.loader import load_rulebook, parse_cases

    found = []
    for rule in load_rulebook().rules:
        for case in parse_cases(rule):
            symbol = called(case.tf)
            if symbol is None:
                continue
            inputs = []
            for name, text in case.inputs:
                spec = parse_spec(text)
                shape = [size if known else None for size, known in zip(spec.shape, spec.known)]
                dtype = spec.value.dtype
                inputs.append([name, spec.kind, dtype, shape, spec.expression])
            found.append([symbol, case.tf, inputs])
    with open(path, "w") as file:
        json.dump(found, file)


def called(text):
    """The function that an expression calls, None if it calls several."""
    tree = ast.parse(text, mode="eval").body
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    if len(calls) != 1 or calls[0] is not tree or "name=" in text:
        return None
    match = re.match(r"(tf(?:\.\w+)+)\(", text)
    return match.group(1) if match else None


def record(path, target):
    """What each call adds to the names of an empty graph."""
    import numpy as np
    import tensorflow as tf

    with open(path) as file:
        cases = json.load(file)
    found = {}
    for symbol, text, inputs in cases:
        with tf.Graph().as_default() as graph:
            names = {"tf": tf, "np": np}
            try:
                for name, kind, dtype, shape, expression in inputs:
                    if expression is not None:
                        names[name] = eval(expression, dict(names))
                    elif kind == "variable":
                        names[name] = tf.get_variable("input_" + name, shape, getattr(tf, dtype))
                    else:
                        names[name] = tf.placeholder(getattr(tf, dtype), shape, "input_" + name)
                before = dict(graph._names_in_use)
                eval(text, names)
            except Exception as problem:  # a case of a later TensorFlow
                print("left out", symbol, text, problem, file=sys.stderr)
                continue
            made = {
                key: count
                for key, count in graph._names_in_use.items()
                if "/" not in key and key not in before and not re.search(r"_\d+$", key)
            }
        known = found.get(symbol)
        found[symbol] = (
            made
            if known is None
            else {key: min(count, known[key]) for key, count in made.items() if key in known}
        )
    with open(target, "w") as file:
        for symbol, made in sorted(found.items()):
            keys = [key for key in made for _ in range(made[key]) if key not in ("const", "rank")]
            if keys:
                file.write("{}\t{}\n".format(symbol, " ".join(keys)))


if __name__ == "__main__":
    {"export": export, "record": record}[sys.argv[1]](*sys.argv[2:])
