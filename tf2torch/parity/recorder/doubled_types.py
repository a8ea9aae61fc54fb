"""Which types an op has, and whether it has a kernel for doubles."""

from typing import Any, List, Tuple

FLOAT, DOUBLE = 1, 2  # DT_FLOAT and DT_DOUBLE
#: Without the registry of kernels (before TensorFlow 1.14): known not to have doubles.
SINGLE = ("LRN", "LRNGrad", "LSTMBlockCell", "BlockLSTM", "BlockLSTMGrad", "FusedBatchNorm")


def types_of(node: Any, op: Any) -> Tuple[List[int], List[int]]:
    """The types of an op's inputs and outputs after its attributes have been widened."""

    def listed(arguments: Any, count: int) -> List[int]:
        found: List[int] = []
        for argument in arguments:
            if argument.type_list_attr:
                found += list(node.attr[argument.type_list_attr].list.type)
                continue
            kind = node.attr[argument.type_attr].type if argument.type_attr else argument.type
            many = node.attr[argument.number_attr].i if argument.number_attr else 1
            found += [kind] * many
        return found + [0] * (count - len(found))

    if node.op != op.type or op.op_def is None:
        return [0] * len(op.inputs), [0] * len(op.outputs)
    definition = op.op_def
    inputs = listed(definition.input_arg, len(op.inputs))
    return inputs, listed(definition.output_arg, len(op.outputs))


def has_double_kernel(kind: str) -> bool:
    """Whether the processor's kernel of an op takes doubles wherever it takes floats."""
    try:
        from tensorflow.python.framework import kernels

        registered = kernels.get_registered_kernels_for_op(kind).kernel
    except Exception:  # before TensorFlow 1.14
        return kind not in SINGLE
    own = [kernel for kernel in registered if kernel.device_type in ("CPU", "DEFAULT")]
    if not own:
        return kind not in SINGLE

    def takes(kernel: Any, number: int) -> bool:
        types = [c.allowed_values.list.type for c in kernel.constraint]
        return all(not allowed or not ({FLOAT, DOUBLE} & set(allowed)) or number in allowed
                   for allowed in types)  # fmt: skip

    return any(takes(kernel, DOUBLE) for kernel in own)
