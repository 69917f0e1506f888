from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.oss.listing import Page, page

NAMES = st.lists(st.text(alphabet="ab/ü", min_size=1, max_size=6), unique=True).map(sorted)


def listed(names: list[str], **chosen: object) -> Page[str]:
    prefix, delimiter, after = (str(chosen.get(n, "")) for n in ("prefix", "delimiter", "after"))
    limit = chosen.get("limit", 1000)
    assert isinstance(limit, int)
    return page(
        names, lambda name: name, prefix=prefix, delimiter=delimiter, after=after, limit=limit
    )


@given(NAMES, st.sampled_from(["", "a", "a/"]), st.sampled_from(["", "/"]), st.integers(1, 4))
def test_pages_one_after_the_other_list_what_one_page_lists(
    names: list[str], prefix: str, delimiter: str, limit: int
) -> None:
    entries, prefixes, after, more = list[str](), list[str](), "", True
    while more:
        part = listed(names, prefix=prefix, delimiter=delimiter, after=after, limit=limit)
        assert len(part.entries) + len(part.prefixes) <= limit
        entries += part.entries
        prefixes += part.prefixes
        after, more = part.last, part.is_truncated

    whole = listed(names, prefix=prefix, delimiter=delimiter)
    assert (entries, prefixes) == (whole.entries, whole.prefixes)


def test_names_beyond_the_delimiter_are_one_prefix() -> None:
    part = listed(["a/1", "a/2", "b", "c/"], delimiter="/")

    assert (part.entries, part.prefixes) == (["b"], ["a/", "c/"])


def test_a_full_page_with_nothing_after_it_is_not_truncated() -> None:
    assert not listed(["a", "b"], limit=2).is_truncated
    assert listed(["a", "b", "c"], limit=2).is_truncated
