"""Mutants of model files: of the archive, and of the members within it."""

from __future__ import annotations

import zipfile
from io import BytesIO

from tests.hostile.mutations import ANY, HOSTILE, TEXT, pick, replace_node

ARRAYS = "arrays.safetensors"


def unpacked(content):
    """Members of a model file by name."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members):
    """A model file of some members."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            kind = zipfile.ZIP_STORED if name == ARRAYS else zipfile.ZIP_DEFLATED
            archive.writestr(name, member, compress_type=kind)
    return buffer.getvalue()


def _in_header(rng, member):
    """Change the header of an array, which is text of Python or JSON."""
    place, value = int(rng.integers(min(len(member), 128))), pick(rng, HOSTILE)
    return member[:place] + value + member[place + len(value) :]


def mutant(rng, content):
    """A mutant of a model file."""
    if rng.random() < 0.2:
        return pick(rng, ANY)(rng, content)
    members = unpacked(content)
    name = pick(rng, list(members))
    if rng.random() < 0.6:
        name = pick(rng, [name for name in members if name.endswith(".json")])
    if rng.random() < 0.1:
        other = pick(rng, list(members))
        members[name], members[other] = members[other], members[name]
    elif rng.random() < 0.1:
        del members[name]
    elif name.endswith(".json"):
        mutate = replace_node if rng.random() < 0.7 else pick(rng, TEXT)
        members[name] = mutate(rng, members[name])
    else:
        members[name] = pick(rng, (*ANY, _in_header, _in_header))(rng, members[name])
    return packed(members)
