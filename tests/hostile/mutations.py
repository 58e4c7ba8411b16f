"""Mutations of the content of a file, each drawn by a seeded generator."""

from __future__ import annotations

import json
import re

# What stands in the place of a field, a cell or a token.
HOSTILE = (
    b"",
    b" ",
    b"\0\0\0\0",
    b"\xff\xfe\xfd",
    b"\x1b[2J\x1b[31m",
    b"-1",
    b"0",
    b"0.00001",
    b"1e-300",
    b"1e8",
    b"1e17",
    b"1e300",
    b"1e400",
    b"9" * 400,
    b"99999999",
    b"nan",
    b"-inf",
    b"1_000",
    "٣٠".encode(),
    b"99:99:99",
    b"23:59:60",
    b"0000-00-00 00:00:00",
    b"9999-12-31T23:59:59+99:99",
    b"0001-01-01 00:00:00",
    b'"',
    b"<",
    b"[[[[",
    b"N" * 3000,
    b"True",
    b"null",
)
HOSTILE_JSON = (
    None,
    True,
    -1,
    0,
    10**30,
    -1e300,
    float("inf"),
    float("nan"),
    "",
    "\0",
    "\x1b[2J",
    "9" * 400,
    "x" * 3000,
    [],
    {},
    [[]],
    [[1], 2],
    {"a": 1},
    {"array": "none"},
    {"class": "preprocessing.Cache"},
    {"text": ["x" * 9999, *[""] * 9999], "dtype": "<U"},
    json.loads("[" * 200 + "]" * 200),
)


def pick(rng, values):
    """One of some values."""
    return values[int(rng.integers(len(values)))]


def flip(rng, content):
    """Flip a few bits."""
    changed = bytearray(content)
    for place in rng.integers(len(content), size=int(rng.integers(1, 9))):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def truncate(rng, content):
    """Cut the end off."""
    return content[: int(rng.integers(len(content)))]


def duplicate(rng, content):
    """Write a chunk twice."""
    start, stop = sorted(rng.integers(len(content) + 1, size=2).tolist())
    return content[:stop] + content[start:]


def swap(rng, content):
    """Swap two chunks that follow each other."""
    a, b, c = sorted(rng.integers(len(content) + 1, size=3).tolist())
    return content[:a] + content[b:c] + content[a:b] + content[c:]


def overwrite(rng, content):
    """Write a hostile value over the bytes at any place."""
    place, value = int(rng.integers(len(content))), pick(rng, HOSTILE)
    return content[:place] + value + content[place + len(value) :]


def replace_token(rng, content):
    """Replace a few cells, words or numbers of a text; often all that are equal."""
    for _ in range(int(rng.integers(1, 4))):
        found = pick(rng, [*re.finditer(rb"[^\s,;|:<>\"\t]+", content)] or [None])
        if found is None:
            return content
        value = pick(rng, HOSTILE)
        if rng.random() < 0.3:
            content = content.replace(found[0], value)
        else:
            content = content[: found.start()] + value + content[found.end() :]
    return content


def replace_line(rng, content):
    """Empty, repeat or join lines of a text."""
    lines = content.split(b"\n")
    place = int(rng.integers(len(lines)))
    kinds = ([], [b""], [lines[place]] * 50, [lines[place] * 50], lines[::-1])
    lines[place : place + int(rng.integers(1, 4))] = pick(rng, kinds)
    return b"\n".join(lines)


def replace_node(rng, content):
    """Replace or remove a few nodes of a JSON text."""
    root = [json.loads(content)]
    for _ in range(int(rng.integers(1, 4))):
        places = [*_places(root)]
        parent, key = pick(rng, places)
        if rng.random() < 0.2 and parent is not root:
            del parent[key]
        else:
            value = pick(rng, HOSTILE_JSON)
            parent[key] = json.loads(json.dumps(value))
    return json.dumps(root[0]).encode()


def _places(node):
    """Container and key of every node of parsed JSON."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        pairs = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in pairs:
            yield node, key
            if isinstance(value, dict | list):
                waiting.append(value)


ANY = (flip, truncate, duplicate, swap, overwrite)
TEXT = (*ANY, replace_token, replace_token, replace_token, replace_line)
