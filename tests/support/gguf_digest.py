"""What a GGUF file holds, short enough to be recorded: the same code for the references and for what is compared."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from gguf import GGUFReader

LONGEST_VALUE = 200


def digest(path: Path, each_tensor: bool = False) -> dict[str, Any]:
    """The types of the tensors, counted, and one sha256 over all names, types, shapes and bytes, sorted by name.

    With `each_tensor` also the type, shape and the sha256's first 16 digits of every tensor."""
    tensors = {tensor.name: _tensor(tensor) for tensor in GGUFReader(path).tensors}
    lines = "".join(f"{name} {' '.join(tensors[name])}\n" for name in sorted(tensors))
    record = {
        "types": dict(sorted(Counter(kind for kind, _, _ in tensors.values()).items())),
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
    }
    if each_tensor:
        record["tensors"] = {name: f"{kind} {shape} {sha[:16]}" for name, (kind, shape, sha) in tensors.items()}
    return record


def metadata_of(path: Path) -> dict[str, str]:
    """Type and value of each key in the file's order; long values as their sha256."""
    fields = GGUFReader(path).fields.items()
    return {key: _value(field) for key, field in fields if not key.startswith("GGUF.")}


def _tensor(tensor) -> tuple[str, str, str]:
    shape = "x".join(str(int(length)) for length in tensor.shape)
    return tensor.tensor_type.name, shape, hashlib.sha256(tensor.data.tobytes()).hexdigest()


def _value(field) -> str:
    value = json.dumps(field.contents(), ensure_ascii=False)
    if len(value) > LONGEST_VALUE:
        value = "sha256 " + hashlib.sha256(value.encode()).hexdigest()
    return f"{' '.join(kind.name for kind in field.types)} {value}"
