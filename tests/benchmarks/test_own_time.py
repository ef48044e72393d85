from benchmarks.own_time import count

STACKS = [
    "start (libc.so.6);main (run.py:3);walk (site/tree.py:10) 4",
    "start (libc.so.6);main (run.py:3);walk (site/tree.py:12);list_append (python3.11) 2",
    "start (libc.so.6);main (run.py:3);walk (site/tree.py:10);next (lexbor.so);malloc (libc.so.6) 3",
    "start (libc.so.6);main (run.py:4);walk (site/tree.py:10);mend (site/tree.py:30) 1",
    "start (libc.so.6);load (run.py:1);walk (site/tree.py:10) 9",
]


def test_time_in_a_library_is_not_its_callers_own_and_other_callers_do_not_count() -> None:
    times = count(STACKS, library="lexbor", inside="main")
    assert times.own == {"walk (site/tree.py)": 6, "mend (site/tree.py)": 1}
    assert times.in_library == {"walk (site/tree.py)": 3}
