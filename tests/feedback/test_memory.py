"""What a process remembers of results, shared by its threads."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from feedback.results.memory import Memory


def test_what_was_found_is_not_looked_for_again():
    memory, asked = Memory(10), []

    def find():
        asked.append(1)

    assert memory.get("a", find) is memory.get("a", find) is None
    assert asked == [1]


def test_past_so_many_all_are_forgotten():
    memory = Memory(2)
    for key in "abb":
        memory.put(key, key)
    assert [key in memory for key in "ab"] == [True, True]
    memory.put("c", "c")
    assert [key in memory for key in "abc"] == [False, False, True]


def test_what_is_forgotten_while_something_is_found_out_is_not_missed():
    memory = Memory(1)

    def find():
        # Finding one thing remembers others.
        memory.put("b", 2)
        memory.put("c", 3)
        return 1

    assert memory.get("a", find) == 1
    assert memory.get("a", lambda: 5) == 1


def test_what_another_thread_forgets_at_the_wrong_moment_is_not_missed():
    memory = Memory(1)

    class Key:
        """Looking for it gives other threads their turn."""

        def __hash__(self):
            return 1

        def __eq__(self, other):
            memory.put("b", 2)
            memory.put("c", 3)
            return True

    memory.put(Key(), 1)
    assert memory.get(Key(), lambda: 5) == 1


def test_nobody_sees_what_another_thread_is_still_finding_out():
    memory, begun, go_on = Memory(10), Event(), Event()

    def slow():
        begun.set()
        assert go_on.wait(10)
        return "slow"

    with ThreadPoolExecutor(1) as others:
        first = others.submit(memory.get, "a", slow)
        assert begun.wait(10)
        assert "a" not in memory
        assert memory.get("a", lambda: "own") == "own"
        go_on.set()
        assert first.result(10) == "slow"
