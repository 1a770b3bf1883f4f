"""What a machine can check of the structure of src/: prints what is wrong.

    structure.py [objects]

A folder is a layer and includes headers of lower folders only.  No two files include or (with objects: where they have been
built, looked at by nm) call each other in a circle.  No file includes a header of ours that it does not use.  Files and functions
are short enough to be read.
"""
import os
import re
import subprocess
import sys

LAYERS = ("base source/format meta time agg sketch stream query runtime groups matrel process intake source source/kafka "
          "flush read view monitor").split()
SRC = "src"
MOST_LINES = 720
MOST_FUNCTION_LINES = 80
MOST_COMPLEXITY = 25


def room(path):
    """A .c file and its header are one."""
    return path[:-2]


def folder(name):
    return os.path.dirname(name)


def read():
    files = {}
    for where, _, names in os.walk(SRC):
        for name in names:
            if name.endswith((".c", ".h")):
                path = os.path.join(where, name)
                with open(path, encoding="utf-8") as f:
                    files[os.path.relpath(path, SRC)] = f.read()
    return files


def includes(text):
    return re.findall(r'^#include "([^"]+)"', text, re.M)


def circles(edges):
    """Strongly connected components of more than one room (Tarjan)."""
    index, low, stack, on, found = {}, {}, [], set(), []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        on.add(v)
        for w in sorted(edges.get(v, ())):
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in on:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            part = []
            while not part or part[-1] != v:
                part.append(stack.pop())
                on.discard(part[-1])
            if len(part) > 1:
                found.append(sorted(part))

    for v in sorted(edges):
        if v not in index:
            visit(v)
    return found


def use_edges(rooms):
    """Who needs a symbol that another one defines: room -> room -> symbols."""
    defined, needed = {}, {}
    for name in rooms:
        path = os.path.join(SRC, name + ".o")
        if not os.path.exists(path):
            continue
        for line in subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout.splitlines():
            kind, symbol = line.split()[-2:]
            if kind == "U":
                needed.setdefault(name, set()).add(symbol)
            elif kind in "TDBRCG" and symbol.startswith("weir_"):
                defined[symbol] = name
    edges = {}
    for name, symbols in needed.items():
        for symbol in symbols:
            if symbol in defined and defined[symbol] != name:
                edges.setdefault(name, {}).setdefault(defined[symbol], []).append(symbol)
    return edges


def declared(text):
    """Names that a header gives to those who include it."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    names = set(re.findall(r"^#define (\w+)", text, re.M))
    names |= set(re.findall(r"\b(?:struct|enum|union) (\w+)", text))
    names |= set(re.findall(r"[}\w*]\s*\*?(\w+);", text))
    names |= set(re.findall(r"\(\*(\w+)\)", text))
    names |= set(re.findall(r"(\w+) ?\(", text))
    names |= set(re.findall(r"(\w+)\[[^\]]*\];", text))
    for body in re.findall(r"enum \w*\s*\{(.*?)\}", text, re.S):
        names |= set(re.findall(r"^\s*(\w+)", body, re.M))
    return names


def signals(files):
    """Errors that Weir raises for itself are believed by the file that they are raised in (base/errors.c)."""
    believed = set(re.findall(r'"(\w+\.c)"', files["base/errors.c"]))
    for path, text in sorted(files.items()):
        if "errcode(ERRCODE_WEIR_" in text and os.path.basename(path) not in believed:
            print(f"{SRC}/{path} raises an error of Weir's own and is not among those believed in base/errors.c")


def functions(text):
    """(name, lines, cyclomatic complexity) of each function."""
    text = re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)
    lines = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S).split("\n")
    for start, line in enumerate(lines):
        if line != "{" or not lines[start - 1].endswith(")"):
            continue
        end = start
        while not lines[end].startswith("}"):
            end += 1
        head = start - 1
        while head > 0 and not re.match(r"\w+\(", lines[head]):
            head -= 1
        decisions = re.findall(r"\b(?:if|for|while|case|foreach\w*)\b|&&|\|\||\?", "\n".join(lines[start:end]))
        yield lines[head].split("(")[0], end - start - 1, 1 + len(decisions)


def check_sizes(path, text):
    if text.count("\n") > MOST_LINES:
        print(f"{SRC}/{path} has {text.count(chr(10))} lines, over {MOST_LINES}")
    for name, lines, complexity in functions(text):
        if lines >= MOST_FUNCTION_LINES:
            print(f"{SRC}/{path}: {name} has {lines} lines, not under {MOST_FUNCTION_LINES}")
        if complexity > MOST_COMPLEXITY:
            print(f"{SRC}/{path}: {name} has a cyclomatic complexity of {complexity}, over {MOST_COMPLEXITY}")


def main():
    files = read()
    signals(files)
    rooms = sorted({room(p) for p in files})
    edges = {name: set() for name in rooms}
    for path, text in sorted(files.items()):
        check_sizes(path, text)
        for header in includes(text):
            if header not in files:
                continue
            here, there = folder(path), folder(header)
            if here in LAYERS and LAYERS.index(there) > LAYERS.index(here):
                print(f"{SRC}/{path} includes {header}, of a higher layer")
            if room(header) != room(path):
                edges[room(path)].add(room(header))
                body = re.sub(r"^#include.*$", "", re.sub(r"/\*.*?\*/", "", text, flags=re.S), flags=re.M)
                words = set(re.findall(r"\w+", body))
                if path.endswith(".c") and not declared(files[header]) & words:
                    print(f"{SRC}/{path} includes {header} and uses nothing of it")
        if folder(path) not in LAYERS and folder(path):
            print(f"{SRC}/{path} is in a folder that is no layer")
    for circle in circles(edges):
        print(f"a circle of includes: {' '.join(circle)}")
    if sys.argv[1:] == ["objects"]:
        edges = use_edges(rooms)
        for circle in circles(edges):
            print(f"a circle of calls: {' '.join(circle)}")
            for a in circle:
                for b in circle:
                    if b in edges.get(a, {}):
                        print(f"    {a} -> {b}: {' '.join(sorted(edges[a][b]))}")


main()
