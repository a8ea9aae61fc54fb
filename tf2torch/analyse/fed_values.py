"""What a feed dictionary has for a placeholder is read from where it came.

feed = {x: batch, y: labels}                       feed = {x: batch, y: labels}
print(feed[x].shape)                     ->        print(batch.shape)
"""

from __future__ import annotations

from collections import Counter

import libcst as cst

from tf2torch.analyse.inlining import Origins
from tf2torch.cst.names import bound
from tf2torch.cst.walk import transform, walk


def read_fed_values(module: cst.Module, origins: Origins) -> cst.Module:
    """The program with names in place of ``feed[x]``, where these are bound once."""
    nodes = walk(module)
    targets = list(bound(nodes))
    times = Counter(target.value for target in targets if isinstance(target, cst.Name))
    changed = {
        target.value.value
        for target in targets
        if isinstance(target, cst.Subscript) and isinstance(target.value, cst.Name)
    }
    fed: dict[tuple[str, str], cst.Name] = {}
    for node in nodes:
        if not isinstance(node, cst.Assign) or len(node.targets) != 1:
            continue
        target, value = node.targets[0].target, node.value
        if not isinstance(target, cst.Name) or not isinstance(value, cst.Dict):
            continue
        if times[target.value] != 1 or target.value in changed:
            continue
        for element in value.elements:
            if isinstance(element, cst.DictElement) and isinstance(element.key, cst.Name):
                given, key = element.value, element.key.value
                if isinstance(given, cst.Name) and times[given.value] == times[key] == 1:
                    fed[target.value, key] = given
    if not fed:
        return module

    def change(node: cst.CSTNode) -> cst.CSTNode:
        if not isinstance(node, cst.Subscript) or not isinstance(node.value, cst.Name):
            return node
        index = node.slice[0].slice if len(node.slice) == 1 else None
        read = index.value if isinstance(index, cst.Index) else None
        found = fed.get((node.value.value, read.value)) if isinstance(read, cst.Name) else None
        if found is None:
            return node
        new = found.deep_clone()
        origins.setdefault(new, origins.get(node, node))
        return new

    made = transform(module, change)
    assert isinstance(made, cst.Module)
    return made
