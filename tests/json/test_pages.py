"""Pages: the next one, empty pages, and lists without an envelope, sync and async."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import oai
from oai.testing import Answer, Loopback

Play = Callable[..., Any]


def served(server: Loopback, pages: dict[str, dict[str, Any]]) -> None:
    """Answer each request with the page of its cursor."""
    server.default = lambda seen: Answer.of_json(pages[seen.query.rpartition("=")[2]])


def collected(play: Play, call: Callable[[Any], Any], **options: Any) -> list[Any]:
    """Return the items of all pages of a list."""

    def scenario(client: Any) -> Any:
        page = yield call(client)
        items = [*page.data]
        while page.has_next_page():
            assert page.next_page_info().params == page.next_page_params()
            page = yield page.get_next_page()
            items += page.data or []
        assert page.next_page_info() is None
        return items

    items: list[Any] = play(scenario, **options)
    return items


def test_next_page_info_has_the_parameters_of_the_next_page(play: Play, server: Loopback) -> None:
    served(server, {"": {"data": [{"id": "a"}], "has_more": True}, "a": {"data": [{"id": "b"}], "has_more": False}})
    assert [each.id for each in collected(play, lambda client: client.files.list())] == ["a", "b"]


@pytest.mark.parametrize(
    ("call", "envelope"),
    [
        (lambda client: client.conversations.items.list("c"), "last_id"),
        (lambda client: client.files.list(), "last_id"),
        (lambda client: client.admin.organization.roles.list(), "next"),
    ],
)
def test_empty_page_with_more_pages_is_passed_over(
    play: Play, server: Loopback, call: Callable[[Any], Any], envelope: str
) -> None:
    pages = {
        "": {"data": [{"id": "a"}], "has_more": True, envelope: "a"},
        "a": {"data": [], "has_more": True, envelope: "b"},
        "b": {"data": [{"id": "c"}], "has_more": False, envelope: "c"},
    }
    served(server, pages)
    items = collected(play, call, admin_api_key="admin-key")
    assert [item.id for item in items] == ["a", "c"]
    assert len(server.requests) == 3


@pytest.mark.parametrize("page", [{"data": []}, {"data": [], "last_id": "a"}, {"data": None, "has_more": None}])
def test_empty_page_without_more_pages_is_the_last(play: Play, server: Loopback, page: dict[str, Any]) -> None:
    server.default = Answer.of_json(page)

    def scenario(client: Any) -> Any:
        for call in (client.files.list, lambda: client.conversations.items.list("c")):
            result = yield call()
            assert not result.has_next_page()

    play(scenario)


def test_cursor_that_never_changes_ends_the_iteration(play: Play, server: Loopback) -> None:
    served(
        server,
        {"": {"data": [], "has_more": True, "last_id": "a"}, "a": {"data": [], "has_more": True, "last_id": "a"}},
    )
    assert collected(play, lambda client: client.files.list()) == []
    assert len(server.requests) == 2


MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "me"}


@pytest.mark.parametrize("items", [[MODEL], [], [MODEL, {**MODEL, "id": "n", "new": [1]}], [{"id": "m"}]])
def test_list_without_its_envelope_is_a_page(play: Play, server: Loopback, items: list[Any]) -> None:
    server.default = Answer.of_json(items)

    def scenario(client: Any) -> Any:
        page = yield client.models.list()
        assert [type(model) for model in page.data] == [oai.types.Model] * len(items)
        assert [model.id for model in page.data] == [item["id"] for item in items]
        assert page.to_dict()["data"] == items
        assert not page.has_next_page()
        files = yield client.files.list()
        assert [file.id for file in files.data] == [item["id"] for item in items]
        raw = yield client.models.with_raw_response.list()
        assert [model.id for model in raw.parse().data] == [item["id"] for item in items]

    play(scenario)


def test_list_where_an_object_belongs_is_a_named_error(play: Play, server: Loopback) -> None:
    server.default = Answer.of_json([MODEL])

    def scenario(client: Any) -> Any:
        with pytest.raises(oai.APIResponseValidationError):
            yield client.models.retrieve("m")

    play(scenario)
