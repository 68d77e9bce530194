#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The peer python: the workloads and tasks from outside on concurrent.futures, in plain Python.

Workloads of forks: processes, as one interpreter lets only one of its threads run at a time. Work is
split at the top only, into some dozens of pieces, and what is below is serial: a task costs a
pickle and two pipes, more than the leaves of these workloads, and one that waits for tasks of
its own keeps its process from all others, so that the pool comes to a standstill as soon as all
its processes wait. What is left out (77) would measure the interpreter's arithmetic and little
else.

Parallel algorithms: maps over processes, in chunks as the library's documentation advises, where
a task can return all that it does. `sorted` has one thread, so there is one worker. Heat would
take minutes.

Tasks from outside: threads, as it is the executor that is measured. No chain: a callback that
completes the next future is called by its completion, one inside the other.

Fibonacci numbers: the loop that one writes first, in one thread, as long as it takes seconds.

bench/peers/README.md has the contract.
"""

import hashlib
import itertools
import math
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed

EXIT_USAGE = 2
EXIT_NO_VERSION = 77

# Splitting ends with the first level that has so many pieces.
PIECES = 48


# A workload is an object with the top of its work, root(size); with split(piece), the pieces
# right below and what they leave out of the result; and with serial(piece), a piece's result.


class Fork:
    """fib(n) by its definition. A piece is an n."""

    def root(self, size):
        return size

    def split(self, n):
        return ([n - 1, n - 2], 0) if n >= 2 else ([], n)

    def serial(self, n):
        return fib(n)


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


class Queens:
    """A piece is n and the columns of the queens in the first rows."""

    def root(self, size):
        return size, ()

    def split(self, piece):
        n, board = piece
        if len(board) == n:
            return [], 1
        return [(n, board + (column,)) for column in range(n) if safe(board, column)], 0

    def serial(self, piece):
        return place(*piece)


def safe(board, column):
    distance = len(board)
    for other in board:
        if other == column or abs(other - column) == distance:
            return False
        distance -= 1
    return True


def place(n, board):
    if len(board) == n:
        return 1
    return sum(place(n, board + (column,)) for column in range(n) if safe(board, column))


class Skynet:
    """A tree of ten children a node. A piece is its first leaf and how many there are."""

    def root(self, size):
        return 0, size

    def split(self, piece):
        first, leaves = piece
        if leaves == 1:
            return [], first
        share = leaves // 10
        return [(first + i * share, share) for i in range(10)], 0

    def serial(self, piece):
        return skynet(*piece)


def skynet(first, leaves):
    if leaves == 1:
        return first
    share = leaves // 10
    total = 0
    for i in range(10):
        total += skynet(first + i * share, share)
    return total


class Uts:
    """Unbalanced tree search, see uts.h. A piece is a node: its state and its depth."""

    def __init__(self, seed):
        self.seed = seed

    def root(self, size):
        self.size = size
        return hashlib.sha1(bytes(16) + self.seed.to_bytes(4, "big")).digest(), 0

    def split(self, piece):
        state, depth = piece
        random = int.from_bytes(state[16:], "big") & 0x7FFFFFFF
        children = self.children(random / 0x80000000, depth)
        sha1 = hashlib.sha1
        return [
            (sha1(state + i.to_bytes(4, "big")).digest(), depth + 1) for i in range(children)
        ], 1

    def serial(self, piece):
        # A stack of its own: the interpreter's ends after some hundred calls.
        stack = [piece]
        nodes = 0
        while stack:
            stack += self.split(stack.pop())[0]
            nodes += 1
        return nodes


class Geometric(Uts):
    BRANCHING = 4

    def children(self, random, depth):
        if depth >= self.size:
            return 0
        chance = 1 / (1 + self.BRANCHING)
        return min(math.floor(math.log(1 - random) / math.log(1 - chance)), 100)


class Binomial(Uts):
    def children(self, random, depth):
        if depth == 0:
            return self.size
        return 8 if random < 0.124875 else 0


WORKLOADS = {
    "fork": Fork(),
    "queens": Queens(),
    "skynet": Skynet(),
    "uts-t1": Geometric(seed=19),
    "uts-t3": Binomial(seed=42),
}


def serial(work, pieces):
    """In a process of the pool."""
    return sum(map(work.serial, pieces))


def run(pool, work, size):
    level, result = [work.root(size)], 0
    while 0 < len(level) < PIECES:
        below = []
        for piece in level:
            pieces, rest = work.split(piece)
            below += pieces
            result += rest
        level = below
    # Dealt out, as neighbours are alike: every task gets some of the small and of the large.
    tasks = [level[i::PIECES] for i in range(min(PIECES, len(level)))]
    return result + sum(pool.map(serial, [work] * len(tasks), tasks))


# Parallel algorithms: functions of a ProcessPoolExecutor, its number of workers and the size, and
# what makes a number of what they return.

MASK = (1 << 64) - 1


def busy(number, steps):
    """See busy.h."""
    for _ in range(steps):
        number = (number ^ number >> 29) * 6364136223846793005 & MASK
    return number


def fingerprint(values):
    """See fingerprint.h."""
    result = 0
    for value in values:
        result = (result ^ value & MASK) * 1099511628211 & MASK
    return result


def mark(_):
    return 1


def for_1024(pool, workers, loops):
    length = 1024
    chunk = -(-length // workers)
    return sum(sum(pool.map(mark, range(length), chunksize=chunk)) for _ in range(loops))


def uneven_map(i):
    return busy(i + 1, i)


def uneven(pool, workers, count):
    # Some dozens of chunks a worker, as the last ones are the longest.
    chunk = max(count // PIECES // workers, 1)
    return list(pool.map(uneven_map, range(count), chunksize=chunk))


ALGORITHMS = {"for-1024": (for_1024, int), "uneven": (uneven, fingerprint)}


# Orders of numbers to be sorted, see keys.h.


def random_keys(count):
    random = 0
    for _ in range(count):
        random = (random * 6364136223846793005 + 1442695040888963407) & MASK
        yield random


def signed(number):
    return number - (1 << 64) if number >> 63 else number


KEYS = {
    "sort-random": lambda count: [signed(r ^ r >> 32) for r in random_keys(count)],
    "sort-sorted": lambda count: list(range(count)),
    "sort-equal": lambda count: [1] * count,
    "sort-few": lambda count: [(r >> 32) % 16 for r in random_keys(count)],
}


# Tasks from outside: functions of a ThreadPoolExecutor and the number of tasks. They return the
# result, and what each trip took where that is measured.


def identity(value):
    return value


def submit(pool, tasks):
    count = itertools.count()
    for _ in range(tasks):
        pool.submit(next, count)
    pool.shutdown()
    return next(count), None


def submit_future(pool, tasks):
    futures = [pool.submit(identity, i) for i in range(tasks)]
    return sum(future.result() for future in futures), None


def complete(pool, tasks):
    futures = [pool.submit(identity, i) for i in range(tasks)]
    return sum(future.result() for future in as_completed(futures)), None


def round_trip(pool, trips, rest=0):
    result, ns = 0, []
    for i in range(trips):
        if rest:
            time.sleep(rest)
        begin = time.monotonic_ns()
        result += pool.submit(identity, i).result()
        ns.append(time.monotonic_ns() - begin)
    return result, ns


def wake(pool, trips):
    return round_trip(pool, trips, rest=0.001)


OUTSIDE = {
    "submit": submit,
    "submit-future": submit_future,
    "as-completed": complete,
    "round-trip": round_trip,
    "wake": wake,
}


# Fibonacci numbers.

FIBONACCI_LIMIT = 1000000
FINGERPRINT_PRIME = (1 << 64) - 59


def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def fingerprint_text(text):
    """See fingerprint.h."""
    data = text.encode()
    return fingerprint(memoryview(data + bytes(-len(data) % 8)).cast("Q"))


def number(text, limit):
    value = int(text) if text.isdecimal() else 0
    return value if 1 <= value <= limit else 0


def answer(seconds, result, ns=None):
    line = f'"seconds": {seconds:.9f}, "result": "{result}"'
    if ns:
        ns.sort()
        median = (ns[(len(ns) - 1) // 2] + ns[len(ns) // 2]) // 2
        p99 = ns[(len(ns) * 99 + 99) // 100 - 1]
        line += f', "median_ns": {median}, "p99_ns": {p99}'
    print(f"{{{line}}}", flush=True)


def serve_workload(work, size, workers):
    with ProcessPoolExecutor(workers) as pool:
        for _ in sys.stdin:
            begin = time.monotonic()
            result = run(pool, work, size)
            answer(time.monotonic() - begin, result)


def serve_algorithm(work, number_of, size, workers):
    with ProcessPoolExecutor(workers) as pool:
        for _ in sys.stdin:
            begin = time.monotonic()
            result = work(pool, workers, size)
            end = time.monotonic()
            answer(end - begin, number_of(result))


def serve_sort(make, size):
    keys = make(size)
    known, result = None, None
    for _ in sys.stdin:
        begin = time.monotonic()
        in_order = sorted(keys)
        end = time.monotonic()
        if in_order != known:
            known, result = in_order, fingerprint(in_order)
        answer(end - begin, result)


def serve_fibonacci(n, printed):
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    for _ in sys.stdin:
        begin = time.monotonic()
        value = fibonacci(n)
        text = str(value) if printed else None
        end = time.monotonic()
        answer(end - begin, fingerprint_text(text) if printed else value % FINGERPRINT_PRIME)


def serve_outside(work, size, workers):
    for _ in sys.stdin:
        with ThreadPoolExecutor(workers) as pool:
            begin = time.monotonic()
            result, ns = work(pool, size)
            answer(time.monotonic() - begin, result, ns)


def main(arguments):
    size = number(arguments[2], 1000000000) if len(arguments) == 4 else 0
    workers = number(arguments[3], 1024) if len(arguments) == 4 else 0
    if not size or not workers:
        print(f"usage: {arguments[0]} WORKLOAD SIZE WORKERS", file=sys.stderr)
        return EXIT_USAGE
    name = arguments[1]
    if name in WORKLOADS:
        serve_workload(WORKLOADS[name], size, workers)
    elif name in ALGORITHMS:
        serve_algorithm(*ALGORITHMS[name], size, workers)
    elif name in KEYS and workers == 1:
        serve_sort(KEYS[name], size)
    elif name.startswith("fibonacci-") and workers == 1 and size <= FIBONACCI_LIMIT:
        serve_fibonacci(size, name.endswith("-printed"))
    elif name in OUTSIDE:
        serve_outside(OUTSIDE[name], size, workers)
    else:
        return EXIT_NO_VERSION
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
