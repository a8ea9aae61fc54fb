"""Writes the frozen list of public TensorFlow 1.15 symbols; runs under TensorFlow 1.15.

    python3.7 scripts/list_tf1_symbols.py tf2torch/rulebook/data/tf1_symbols.tsv.gz

One line a name, sorted, tab separated: a canonical name with its kind and signature, or another
name with the canonical one.
"""

from __future__ import annotations

import gzip
import importlib
import inspect
import io
import os
import sys
import types

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from tensorflow.python.util import tf_inspect

tf.compat.v1.logging.set_verbosity("ERROR")

# compat.v1 repeats everything and compat.v2 is another library; the rest is no interface
SKIPPED = {"tf.compat.v1", "tf.compat.v2", "tf.python", "tf.core", "tf.tools", "tf.examples"} | {
    "tf.pywrap_tensorflow"
}
PLAIN = (bool, int, float, str, bytes, type(None))
MAX_DEPTH = 5
# contrib packages that show what others define
GATHERING = {"slim", "specs", "grid_rnn", "quantization", "autograph", "learn", "keras"}
# modules that programs import although they are no interface
INTERNAL = """
ops.array_ops ops.candidate_sampling_ops ops.check_ops ops.clip_ops ops.control_flow_ops
ops.data_flow_ops ops.embedding_ops ops.functional_ops ops.gradients ops.image_ops ops.init_ops
ops.io_ops ops.linalg_ops ops.logging_ops ops.lookup_ops ops.math_ops ops.metrics ops.nn ops.nn_ops
ops.parsing_ops ops.random_ops ops.rnn ops.rnn_cell ops.rnn_cell_impl ops.script_ops ops.sparse_ops
ops.state_ops ops.string_ops ops.tensor_array_ops ops.variable_scope ops.variables ops.losses.losses
framework.ops framework.dtypes framework.constant_op framework.tensor_shape framework.random_seed
framework.function framework.sparse_tensor training.moving_averages training.training
training.optimizer training.saver platform.gfile platform.flags platform.app platform.tf_logging
client.session layers.layers layers.core layers.convolutional layers.pooling layers.normalization
layers.base summary.summary util.nest
""".split()


def public_names(module):
    """Names of a module's interface."""
    for name in sorted(dir(module)):
        if not name.startswith("_") and name not in ("python", "absolute_import", "division"):
            if name not in ("print_function", "unicode_literals"):
                yield name


def is_module(value):
    """Whether a value is a module, TensorFlow's lazy wrappers of them included."""
    return isinstance(value, types.ModuleType)


def belongs(value):
    """Whether a module is TensorFlow's own."""
    name = getattr(value, "__name__", "")
    return name.startswith("tensorflow") or name.startswith("tensorflow_estimator")


def leaked(prefix, module):
    """Whether a contrib package merely imports this module: most of them have no ``__all__``."""
    name = module.__name__.replace("tensorflow_core", "tensorflow")
    return prefix.startswith("tf.contrib") and not name.startswith("tensorflow.contrib")


def walk():
    """(name, object) of every symbol, modules included."""
    found = []
    queue = [("tf", tf, 0)]
    visited = set()
    while queue:
        prefix, module, depth = queue.pop(0)
        for name in public_names(module):
            full = prefix + "." + name
            if full in SKIPPED:
                continue
            try:
                value = getattr(module, name)
            except Exception:
                continue
            if is_module(value):
                if not belongs(value) or depth >= MAX_DEPTH or leaked(prefix, value):
                    continue
                dir(value)  # lazy modules load now
                found.append((full, value))
                if id(value) not in visited or prefix.startswith("tf.contrib") is False:
                    visited.add(id(value))
                    queue.append((full, value, depth + 1))
                continue
            owner = getattr(value, "__module__", None) or ""
            callable_ = inspect.isclass(value) or callable(value)
            known = ("tensorflow", "functools", "absl.flags", "absl.app", "absl.logging")
            if callable_ and owner and not owner.startswith(known):
                continue  # numpy, six and the like
            found.append((full, value))
    return found


def internal():
    """(name, object) of what lies in the modules of `INTERNAL`."""
    for path in INTERNAL:
        module = importlib.import_module("tensorflow.python." + path)
        for name in public_names(module):
            value = getattr(module, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                yield "tf.python." + path + "." + name, value


def kind_of(value):
    """What a symbol is."""
    if is_module(value):
        return "module"
    if isinstance(value, tf.DType):
        return "dtype"
    if inspect.isclass(value):
        return "class"
    return "function" if callable(value) else "constant"


def preference(name):
    """Sort key: the name by which people call it comes first."""
    parts = name.split(".")
    second = parts[1]
    return (
        second == "python",
        second == "contrib",
        second in ("keras", "raw_ops", "compat", "estimator"),
        second == "contrib" and (parts + [""])[2] in GATHERING,
        len(parts),
        second in ("math", "linalg", "manip", "dtypes", "debugging", "random", "io"),
        len(name),
        name,
    )


def signature_of(value, kind, names):
    """Parameters with defaults as source, empty if there are none to know."""
    try:
        if kind == "class":
            init = value.__init__
            if value.__new__ is not object.__new__ and init is object.__init__:
                init = value.__new__
            if init is object.__init__:
                return ""
            spec = tf_inspect.getfullargspec(init)
            arguments = spec.args[1:]
        else:
            spec = tf_inspect.getfullargspec(value)
            arguments = list(spec.args)
            if arguments[:1] in (["self"], ["cls"]):
                arguments = arguments[1:]
    except (TypeError, ValueError):
        return "*args, **kwargs"
    defaults = list(spec.defaults or ())
    parts = []
    for i, argument in enumerate(arguments):
        at = i - (len(arguments) - len(defaults))
        parts.append(argument if at < 0 else argument + "=" + text_of(defaults[at], names))
    if spec.varargs:
        parts.append("*" + spec.varargs)
    elif spec.kwonlyargs:
        parts.append("*")
    for argument in spec.kwonlyargs or ():
        default = (spec.kwonlydefaults or {}).get(argument, inspect.Parameter.empty)
        given = default is not inspect.Parameter.empty
        parts.append(argument + ("=" + text_of(default, names) if given else ""))
    if spec.varkw:
        parts.append("**" + spec.varkw)
    return ", ".join(parts)


def text_of(value, names):
    """A default as source; `...` if it has no literal form."""
    if isinstance(value, tf.DType):
        return "tf." + value.name
    if isinstance(value, float) and (value != value or value in (float("inf"), -float("inf"))):
        return f"float('{value}')"
    if isinstance(value, PLAIN):
        return repr(value)
    if isinstance(value, (list, tuple)):
        inner = [text_of(item, names) for item in value]
        if "..." in inner:
            return "..."
        if isinstance(value, list):
            return "[" + ", ".join(inner) + "]"
        return "(" + ", ".join(inner) + ("," if len(inner) == 1 else "") + ")"
    if isinstance(value, dict) and not value:
        return "{}"
    return names.get(id(value), "...")


def main(target):
    """Write the list."""
    symbols = walk()
    groups = {}
    for name, value in symbols:
        kind = kind_of(value)
        # equal constants are not the same symbol
        key = ("name", name) if kind == "constant" else ("id", id(value))
        groups.setdefault(key, (value, kind, []))[2].append(name)
    for name, value in internal():
        if ("id", id(value)) in groups:
            aliases = groups["id", id(value)][2]
            if not all(other.startswith(("tf.contrib", "tf.raw_ops")) for other in aliases):
                aliases.append(name)
    names = {}
    for value, kind, aliases in groups.values():
        aliases.sort(key=preference)
        if kind == "dtype" and "tf." + value.name in aliases:
            aliases.remove("tf." + value.name)
            aliases.insert(0, "tf." + value.name)
        if kind in ("class", "function"):
            names[id(value)] = aliases[0]
    lines = {}
    for value, kind, aliases in groups.values():
        signature = signature_of(value, kind, names) if kind in ("class", "function") else ""
        origin = ""
        if kind in ("class", "function"):
            module = (getattr(value, "__module__", "") or "").replace("_core", "", 1)
            if module.startswith("tensorflow."):
                origin = "tf" + module[len("tensorflow") :] + "." + getattr(value, "__name__", "")
        lines[aliases[0]] = kind + "\t" + signature
        for other in aliases[1:] + [origin]:
            if other:
                lines.setdefault(other, aliases[0])
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as stream:
        text = "\n".join(sorted(name + "\t" + rest for name, rest in lines.items()))
        stream.write(text.encode("utf-8"))
    with open(target, "wb") as stream:
        stream.write(buffer.getvalue())
    print(len(groups), "symbols under", len(lines), "names")


if __name__ == "__main__":
    main(sys.argv[1])
