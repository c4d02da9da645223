"""What a function of a program can reach, from its machine code: calls, addresses that are taken, and tables of
functions (of virtual ones, too). That is more than what runs, since each branch counts, and never less."""

import bisect
import collections
import re
import subprocess

FUNCTION = re.compile(r"^([0-9a-f]{16}) <")
TARGET = re.compile(r"(?:(?:call|j[a-z]+)\s+|# )([0-9a-f]+) <")
SYMBOL = re.compile(r"^\s*\d+: ([0-9a-f]{16})\s+(\d+|0x[0-9a-f]+) (?:FUNC|OBJECT)\s+\w+\s+\w+\s+\d+ (\S+)")
POINTER = re.compile(r"^([0-9a-f]{16})\s+[0-9a-f]{16} R_X86_64_RELATIVE\s+([0-9a-f]+)")


def _lines(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")


class CallGraph:
    """Nodes are addresses at which a function or an object begins."""

    def __init__(self, program):
        symbols = {}
        for line in _lines("readelf", "-sW", program):
            if hit := SYMBOL.match(line):
                symbols[int(hit[1], 16)] = (int(hit[2], 0), hit[3])
        plain = subprocess.run(
            ["c++filt"], input="\n".join(name for _, name in symbols.values()), capture_output=True, text=True
        )
        self.names = dict(zip(symbols, plain.stdout.split("\n")))
        begins = sorted(symbols)

        def at(address):
            place = bisect.bisect_right(begins, address) - 1
            return begins[place] if place >= 0 and address < begins[place] + max(symbols[begins[place]][0], 1) else None

        self._edges = collections.defaultdict(set)
        source = None
        for line in _lines("objdump", "-d", "--no-show-raw-insn", program):
            if line.startswith("0000"):
                source = at(int(FUNCTION.match(line)[1], 16))
            elif hit := TARGET.search(line):
                self._edges[source].add(at(int(hit[1], 16)))
        for line in _lines("readelf", "-rW", program):
            if hit := POINTER.match(line):
                self._edges[at(int(hit[1], 16))].add(at(int(hit[2], 16)))
        del self._edges[None]

    def find(self, pattern):
        """Where functions begin whose plain names begin so."""
        return [address for address, name in self.names.items() if re.match(pattern, name)]

    def reachable(self, roots):
        """The plain names of all that is reached."""
        seen, todo = set(roots), list(roots)
        while todo:
            for address in self._edges.get(todo.pop(), ()):
                if address is not None and address not in seen:
                    seen.add(address)
                    todo.append(address)
        return {self.names[address] for address in seen}
