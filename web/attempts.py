"""How often a password may be guessed.

Each address has a few wrong guesses free; then it must wait before the next, twice as long each
time, and a minute at most, so that the right person is never kept out for long. Knows neither
passwords nor requests.
"""

import ipaddress
import math
from collections.abc import Callable
from dataclasses import dataclass

_FREE = 5  # wrong guesses without a wait
_LONGEST = 60  # seconds to wait at most
_FORGOTTEN = 15 * 60  # seconds after which earlier guesses no longer count
_ADDRESSES = 10_000  # remembered at once


@dataclass(slots=True)
class _Failures:
    count: int
    last: float
    guess: bytes


class Attempts:
    """The wrong guesses of each address. `clock` gives seconds that only go forward."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: dict[str, _Failures] = {}

    def wait(self, address: str) -> int:
        """Whole seconds before this address may guess again; 0: it may now."""
        failures = self._failures.get(_network(address))
        if failures is None or failures.count < _FREE:
            return 0
        delay = min(2.0 ** (failures.count - _FREE), _LONGEST)
        return max(0, math.ceil(failures.last + delay - self._clock()))

    def failed(self, address: str, guess: bytes) -> None:
        """Count a wrong guess; the same again, as a page with many requests makes it, is none."""
        network, now = _network(address), self._clock()
        failures = self._failures.pop(network, None)
        if failures is None or now - failures.last > _FORGOTTEN:
            failures = _Failures(0, now, b"")
        if guess != failures.guess:
            failures.count, failures.last, failures.guess = failures.count + 1, now, guess
        if len(self._failures) >= _ADDRESSES:
            del self._failures[next(iter(self._failures))]  # whoever failed longest ago
        self._failures[network] = failures

    def succeeded(self, address: str) -> None:
        """Forget what went wrong before."""
        self._failures.pop(_network(address), None)


def _network(address: str) -> str:
    """What one machine cannot easily change of its address: of IPv6 the first half."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))
