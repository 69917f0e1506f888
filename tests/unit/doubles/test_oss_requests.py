"""What a request means, and what OSS does with ranges and tags."""

import pytest

from tests.doubles.oss.hosts import Hosts, Target, target_of
from tests.doubles.oss.oss_errors import OssError
from tests.doubles.oss.ranges import chosen_range
from tests.doubles.oss.tags import tags_of_document, tags_of_header

HOSTS = Hosts(
    cnames={"files.example.com": "exports"}, forbidden=frozenset({"oss-us.aliyuncs.com"})
)
EXPORTS = Target(bucket="exports", key="a/报 1.csv")


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("127.0.0.1:8080", "/exports/a/%E6%8A%A5%201.csv"),
        ("localhost:8080", "/exports/a/%E6%8A%A5%201.csv"),
        ("[::1]:8080", "/exports/a/%E6%8A%A5%201.csv"),
        ("exports.oss-cn-hangzhou.aliyuncs.com", "/a/%E6%8A%A5%201.csv"),
        ("exports.oss-cn-hangzhou-internal.aliyuncs.com", "/a/%E6%8A%A5%201.csv"),
        ("Files.Example.com", "/a/%E6%8A%A5%201.csv"),
    ],
)
def test_the_host_says_where_the_bucket_is(host: str, path: str) -> None:
    assert target_of(host, path, HOSTS) == EXPORTS


@pytest.mark.parametrize(
    ("host", "path", "code"),
    [
        ("oss-cn-hangzhou.aliyuncs.com", "/exports/a", "SecondLevelDomainForbidden"),
        ("unbound.example.com", "/a", "NoSuchCname"),
        ("exports.oss-us.aliyuncs.com", "/a", "PublicEndpointForbidden"),
        ("oss-us.aliyuncs.com", "/", "PublicEndpointForbidden"),
    ],
)
def test_some_hosts_are_refused(host: str, path: str, code: str) -> None:
    with pytest.raises(OssError) as refused:
        target_of(host, path, HOSTS)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("header", "by_default", "standard"),
    [
        ("bytes=0-9", (0, 10), (0, 10)),
        ("bytes=990-", (990, 1000), (990, 1000)),
        ("bytes=-10", (990, 1000), (990, 1000)),
        ("bytes=500-2000", None, (500, 1000)),
        ("bytes=-2000", None, (0, 1000)),
        ("", None, None),
        ("rows=0-9", None, None),
    ],
)
def test_a_range_beyond_the_end_means_all_unless_the_standard_is_asked_for(
    header: str, by_default: tuple[int, int] | None, standard: tuple[int, int] | None
) -> None:
    assert chosen_range(header, 1000, standard=False) == by_default
    assert chosen_range(header, 1000, standard=True) == standard


@pytest.mark.parametrize("header", ["bytes=1000-2000", "bytes=1000-", "bytes=9-3"])
def test_a_range_outside_is_refused_where_the_standard_is_asked_for(header: str) -> None:
    assert chosen_range(header, 1000, standard=False) is None
    with pytest.raises(OssError) as refused:
        chosen_range(header, 1000, standard=True)
    assert (refused.value.status, refused.value.code) == (416, "InvalidRange")


def test_tags_are_read_from_headers_and_documents() -> None:
    document = b"<Tagging><TagSet><Tag><Key>a</Key><Value>1 2</Value></Tag></TagSet></Tagging>"

    assert tags_of_header("a=1%202&b=") == {"a": "1 2", "b": ""}
    assert tags_of_document(document) == {"a": "1 2"}


@pytest.mark.parametrize(
    "header",
    ["k=%E6%8A%A5", "=v", "a=1&a=2", "k=" + 257 * "v", "&".join(f"k{n}=v" for n in range(11))],
)
def test_tags_that_oss_does_not_take_are_refused(header: str) -> None:
    with pytest.raises(OssError) as refused:
        tags_of_header(header)

    assert refused.value.code == "InvalidTag"
