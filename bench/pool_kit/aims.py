"""What the figures of bench/pool are to be, and whether they are.

A figure is looked up by (load, pooler): its "us", "p99", "calls" and "futex" of a transaction. Loops beyond one are compared with one loop.
"""
PEER, ONE = "pgbouncer", "pgkeep 1 loop"


def ratio(figures, one, other, field):
    """None: one of them was not measured."""
    values = [figures.get(key, {}).get(field) for key in (one, other)]
    return None if None in values or values[1] == 0 else values[0] / values[1]


def of_one_pooler(figures, name):
    """Aims of that pooler of ours: what, the figure, the most that it may be."""
    for load, most in (("simple 16", 1.0), ("simple 64", 0.7), ("simple 500", 0.75), ("connect 16", 0.85), ("connect 64", 0.85), ("simple 16 100 kB", 0.25)):
        yield f"{load}: CPU beside PgBouncer's", ratio(figures, (load, name), (load, PEER), "us"), most
    for clients in (64, 500):
        yield f"prepared {clients}: CPU beside our own simple", ratio(figures, (f"prepared {clients}", name), (f"simple {clients}", name), "us"), 1.1
    yield "simple 500: p99 beside PgBouncer's", ratio(figures, ("simple 500", name), ("simple 500", PEER), "p99"), 0.5
    for load in ("simple 64", "simple 500", "prepared 64", "prepared 500"):
        yield f"{load}: system calls", figures.get((load, name), {}).get("calls"), 4.2
    for load in ("simple 64", "simple 500", "prepared 64", "prepared 500"):
        yield f"{load}: futex calls", figures.get((load, name), {}).get("futex"), 0.0005  # In words: none.
    for load in ("simple 64", "simple 500", "connect 16", "connect 64") if name != ONE else ():
        yield f"{load}: CPU beside one loop's", ratio(figures, (load, name), (load, ONE), "us"), 1.1


def print_verdicts(figures, poolers):
    """Of what was measured, a line each."""
    for name in poolers:
        if name == PEER:
            continue
        print(f"\naims, {name}")
        for what, value, most in of_one_pooler(figures, name):
            if value is not None:
                print(f"  {'met   ' if value <= most else 'MISSED'} {what}: {value:.2f}, at most {most:.2f}")
