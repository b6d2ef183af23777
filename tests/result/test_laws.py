"""The laws of the railway, for any value and any step."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from twofold.result import Failure, Result, Success

Step = Callable[[int], Result[int, str]]

results: st.SearchStrategy[Result[int, str]] = st.one_of(
    st.integers().map(Success[int]), st.text(max_size=5).map(Failure[str])
)


def _step(shift: int, bound: int) -> Step:
    return lambda n: Success(n + shift) if n < bound else Failure(f"{n} is not below {bound}")


steps: st.SearchStrategy[Step] = st.builds(_step, st.integers(), st.integers())
functions: st.SearchStrategy[Callable[[int], int]] = st.sampled_from(
    [lambda n: n + 1, lambda n: n * 2, lambda n: -n, lambda _: 0]
)


@given(results)
def test_mapping_identity_changes_nothing(result: Result[int, str]) -> None:
    """The first law of a functor."""
    assert result.map(lambda n: n) == result


@given(results, functions, functions)
def test_mapping_twice_is_mapping_once(
    result: Result[int, str], first: Callable[[int], int], second: Callable[[int], int]
) -> None:
    """The second law of a functor."""
    assert result.map(first).map(second) == result.map(lambda n: second(first(n)))


@given(st.integers(), steps)
def test_a_success_is_a_neutral_start(value: int, step: Step) -> None:
    """The left identity of a monad."""
    assert Success(value).and_then(step) == step(value)


@given(results)
def test_a_success_is_a_neutral_end(result: Result[int, str]) -> None:
    """The right identity of a monad."""
    assert result.and_then(Success[int]) == result


@given(results, steps, steps)
def test_grouping_of_steps_does_not_matter(result: Result[int, str], first: Step, second: Step) -> None:
    """A monad is associative."""
    assert result.and_then(first).and_then(second) == result.and_then(lambda n: first(n).and_then(second))


@given(results, functions)
def test_map_is_and_then_with_a_success(result: Result[int, str], function: Callable[[int], int]) -> None:
    """The two agree."""
    assert result.map(function) == result.and_then(lambda n: Success(function(n)))


@given(results)
def test_the_tracks_do_not_touch(result: Result[int, str]) -> None:
    """What is for errors leaves a Success alone, and the other way round."""
    other_track = result.map_error(str.upper) if result.is_success else result.map(abs)
    assert other_track is result


@given(results, st.integers())
def test_unwrap_or_is_recovering_with_the_default(result: Result[int, str], default: int) -> None:
    """`unwrap_or` is `or_else` and then `unwrap`."""
    assert result.unwrap_or(default) == result.or_else(lambda _: Success(default)).unwrap()


@given(results, results)
def test_equal_results_hash_alike(one: Result[int, str], two: Result[int, str]) -> None:
    """They may be kept in sets and dictionaries."""
    assert (one == two) == (two == one)
    if one == two:
        assert hash(one) == hash(two)
