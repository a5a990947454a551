"""Cases: closing replies and transports, early and repeatedly, and that no resources leak."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from oai.testing._cases.suite import Suite, fails, needs
from oai.testing.loopback import Answer

if TYPE_CHECKING:
    from oai.testing._cases.drivers import Driver

ENDLESS = Answer(chunks=[b"x"] * 3000, pace=0.01, framing="chunked")


class EndingCases(Suite):
    def endless(self) -> Any:
        """Send a request with an endless response, and return the reply."""
        return self.send(total=2 * self.patience)

    def test_closing_before_the_body_closes_the_connection(self) -> None:
        self.server.reply(ENDLESS)
        self.endless().close()
        assert self.is_clear()
        self.serves_again()

    def test_closing_within_the_body_closes_the_connection(self) -> None:
        self.server.reply(ENDLESS)
        reply = self.endless()
        for piece in reply:
            assert set(piece) == set(b"x")
            break
        reply.close()
        assert self.is_clear()
        self.serves_again()

    def test_closing_a_reply_twice_does_nothing(self) -> None:
        self.server.reply(ENDLESS, Answer(body=b"x"))
        cut, whole = self.endless(), self.send()
        assert whole.read() == b"x"
        for _ in range(2):
            cut.close()
            whole.close()
        self.serves_again()

    @pytest.mark.parametrize("take", [lambda reply: reply.read(), list], ids=["read", "iterated"])
    def test_closed_reply_raises(self, take: Any) -> None:
        self.server.reply(ENDLESS)
        reply = self.endless()
        reply.close()
        fails("closed", lambda: take(reply))

    def test_reply_closed_during_iteration_raises(self) -> None:
        self.server.reply(ENDLESS)
        reply = self.endless()
        pieces = iter(reply)
        assert next(pieces)
        reply.close()
        fails("closed", lambda: list(pieces))

    @needs("lingers")
    def test_closing_just_before_the_end_keeps_the_connection(self) -> None:
        self.server.reply(Answer(chunks=[b"x"], framing="chunked"), Answer(body=b"y"))
        reply = self.send()
        for piece in reply:
            assert piece == b"x"
            break
        reply.close()
        assert self.fetch() == b"y"
        assert self.server.connections == 1

    def test_closed_transport_raises(self) -> None:
        self.server.reply(Answer(body=b"x"))
        assert self.fetch() == b"x"
        self.driver.close()
        self.driver.close()
        fails("closed", self.send)
        assert len(self.server.requests) == 1

    def test_unused_transport_can_be_closed(self) -> None:
        self.driver.close()
        fails("closed", self.send)

    def test_no_resources_leak(self) -> None:
        driver, self._driver = self.driver, None
        self.leaves_nothing(driver, lambda: self._use(driver))

    def _use(self, driver: Driver) -> None:
        """Use a transport so that exchanges end in all possible ways."""
        answers = [Answer(body=b"x"), ENDLESS, Answer(chunks=[b"abc"], truncate=2), Answer(reset="before")]
        self.server.reply(*answers, Answer(204), Answer(body=b"x"))
        for method in ("GET", "POST"):
            self.server.route(method, "/slow", Answer(delay=30))  # which may be read after the next request
        driver.send(self.request()).read()
        cut = driver.send(self.request(total=2 * self.patience))
        assert next(iter(cut))
        cut.close()
        fails("receive", lambda: driver.send(self.request()).read())
        fails(("receive", "send"), lambda: driver.send(self.request()).read())
        fails("timeout", lambda: driver.send(self.request("/slow", read=0.05)))
        driver.send(self.request()).read()
        driver.send(self.request()).read()
