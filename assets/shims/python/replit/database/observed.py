"""Lists and dicts that write themselves back when they change, however deep: `db["a"]["b"].append(1)` is stored."""

from collections import abc
from typing import Any, Callable, Iterator


def to_primitive(value: Any) -> Any:
    """The plain list or dict behind an observed one, all the way down."""
    if isinstance(value, (ObservedList, ObservedDict)):
        value = value.value
    if isinstance(value, dict):
        return {key: to_primitive(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_primitive(item) for item in value]
    return value


def observe(value: Any, changed: Callable[[], None]) -> Any:
    """`value`, watched if it can change."""
    if isinstance(value, (ObservedList, ObservedDict)):
        value = value.value
    if isinstance(value, dict):
        return ObservedDict(value, changed)
    if isinstance(value, list):
        return ObservedList(value, changed)
    return value


class _Observed:
    """One plain value that all its watchers share: what is changed by one is seen by the others."""

    def __init__(self, value: Any, changed: Callable[[], None] = lambda: None) -> None:
        self.value = value
        self._changed = changed

    def on_mutate(self) -> None:
        self._changed()

    def __getitem__(self, at: Any) -> Any:
        found = self.value[at]
        # A slice is a copy: changing it changes nothing, as with a plain list.
        return found if isinstance(at, slice) else observe(found, self._changed)

    def __setitem__(self, at: Any, value: Any) -> None:
        self.value[at] = to_primitive(value)
        self._changed()

    def __delitem__(self, at: Any) -> None:
        del self.value[at]
        self._changed()

    def __len__(self) -> int:
        return len(self.value)

    def __eq__(self, other: Any) -> bool:
        return to_primitive(self) == to_primitive(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(value={self.value!r})"

    def set_value(self, value: Any) -> None:
        """Another value in the place of all of it."""
        self.value = to_primitive(value)
        self._changed()


class ObservedList(_Observed, abc.MutableSequence):
    def __iter__(self) -> Iterator[Any]:
        return (self[at] for at in range(len(self.value)))

    def insert(self, index: int, value: Any) -> None:
        self.value.insert(index, to_primitive(value))
        self._changed()

    # One write for many items.
    def extend(self, values: Any) -> None:
        self.value.extend(to_primitive(list(values)))
        self._changed()

    def clear(self) -> None:
        self.value.clear()
        self._changed()

    def sort(self, **options: Any) -> None:
        self.value.sort(**options)
        self._changed()

    def reverse(self) -> None:
        self.value.reverse()
        self._changed()

    def __imul__(self, times: int) -> "ObservedList":
        self.value *= times
        self._changed()
        return self

    def __add__(self, other: Any) -> Any:
        return self.value + to_primitive(other)


class ObservedDict(_Observed, abc.MutableMapping):
    def __iter__(self) -> Iterator[Any]:
        return iter(self.value)

    def __contains__(self, key: Any) -> bool:
        return key in self.value

    def update(self, *others: Any, **more: Any) -> None:
        self.value.update(to_primitive(dict(*others, **more)))
        self._changed()

    def clear(self) -> None:
        self.value.clear()
        self._changed()
