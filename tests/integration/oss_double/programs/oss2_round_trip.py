"""The round trip of oss2: arguments and report as round_trips.py has them."""

import hashlib
import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import oss2
import requests

ENDPOINT, REGION, BUCKET, KEY_ID, SECRET, VERSION = sys.argv[1:7]
PROXY = "".join(sys.argv[7:])
KEY = "exports/报表 2026+1.csv"
BIG_KEY = "exports/big.xlsx"
PART_BYTES = 120_000
LAST_PART_BYTES = 1000
DISPOSITION = (
    "attachment; filename=\"report.xlsx\"; filename*=UTF-8''%E6%8A%A5%E8%A1%A8%20%F0%9F%93%8A.xlsx"
)


def bucket(key_id: str = KEY_ID, secret: str = SECRET, name: str = BUCKET) -> Any:
    auth = oss2.AuthV4(key_id, secret) if VERSION == "v4" else oss2.Auth(key_id, secret)
    proxies = {"http": PROXY} if PROXY else None
    return oss2.Bucket(auth, ENDPOINT, name, region=REGION, proxies=proxies)


def code(call: Callable[[], object]) -> str:
    try:
        call()
    except oss2.exceptions.OssError as error:
        return str(error.code)
    return ""


def part(number: int) -> bytes:
    size = LAST_PART_BYTES if number == 5 else PART_BYTES
    return bytes([number]) * size


def whole_objects(client: Any) -> dict[str, object]:
    headers = {"Content-Type": "text/csv; charset=utf-8", "x-oss-meta-author": "rowferry"}
    put = client.put_object(KEY, "id,名称\n1,甲\n".encode(), headers=headers)
    head = client.head_object(KEY)
    tagging = oss2.models.Tagging()
    tagging.tag_set.add("rowferry-task", "a1")
    tagging.tag_set.add("team", "data ops+1")
    client.put_object_tagging(KEY, tagging)
    tags = client.get_object_tagging(KEY).tag_set.tagging_rule
    client.delete_object_tagging(KEY)
    return {
        "put_etag": put.etag,
        "content": client.get_object(KEY).read().decode(),
        "range": client.get_object(KEY, byte_range=(3, 8)).read().decode(),
        "size": head.content_length,
        "content_type": head.content_type,
        "meta": head.headers["x-oss-meta-author"],
        "tags": tags,
        "tags_after_delete": client.get_object_tagging(KEY).tag_set.tagging_rule,
    }


def parts(client: Any) -> dict[str, object]:
    headers = {"Content-Disposition": DISPOSITION, "Content-Type": "text/plain"}
    upload_id = client.init_multipart_upload(BIG_KEY, headers=headers).upload_id

    def send(number: int) -> Any:
        sent = client.upload_part(BIG_KEY, upload_id, number, part(number))
        return oss2.models.PartInfo(number, sent.etag, size=len(part(number)), part_crc=sent.crc)

    with ThreadPoolExecutor(5) as threads:
        sent = list(threads.map(send, range(1, 6)))
    listed = oss2.PartIterator(client, BIG_KEY, upload_id, max_parts=2)
    report: dict[str, object] = {
        "listed_parts": [[found.part_number, found.size] for found in listed],
        "visible_before_complete": client.object_exists(BIG_KEY),
        "open_uploads": [up.key for up in oss2.MultipartUploadIterator(client, max_uploads=1)],
    }
    client.complete_multipart_upload(BIG_KEY, upload_id, sent)
    got = client.get_object(BIG_KEY)
    report |= {
        "sha256": hashlib.sha256(got.read()).hexdigest(),
        "stored_disposition": got.headers["Content-Disposition"],
        "completed_again": code(
            lambda: client.complete_multipart_upload(BIG_KEY, upload_id, sent)
        ),
    }
    return report


def refused_parts(client: Any) -> dict[str, object]:
    upload_id = client.init_multipart_upload("exports/small").upload_id
    sent = [
        oss2.models.PartInfo(
            number, client.upload_part("exports/small", upload_id, number, b"x").etag
        )
        for number in (1, 2)
    ]
    missing = [*sent, oss2.models.PartInfo(3, sent[0].etag)]
    report = {
        "small_part": code(
            lambda: client.complete_multipart_upload("exports/small", upload_id, sent)
        ),
        "missing_part": code(
            lambda: client.complete_multipart_upload("exports/small", upload_id, missing)
        ),
    }
    client.abort_multipart_upload("exports/small", upload_id)
    again = code(lambda: client.abort_multipart_upload("exports/small", upload_id))
    left = list(oss2.MultipartUploadIterator(client))
    return {**report, "aborted_again": again, "uploads_after_abort": [up.key for up in left]}


def links(client: Any) -> dict[str, object]:
    params = {"response-content-disposition": DISPOSITION}
    url = client.sign_url("GET", KEY, 60, params=params, slash_safe=True)
    proxies = {"http": PROXY} if PROXY else None
    answer = requests.get(url, timeout=10, proxies=proxies)
    broken = requests.get(url.replace("report.xlsx", "retort.xlsx"), timeout=10, proxies=proxies)
    return {
        "signed_status": answer.status_code,
        "signed_disposition": answer.headers["Content-Disposition"],
        "signed_content": answer.content.decode(),
        "altered_status": broken.status_code,
    }


def errors(client: Any) -> dict[str, object]:
    once = {"x-oss-forbid-overwrite": "true"}
    return {
        "overwritten": code(lambda: client.put_object(KEY, b"", headers=once)),
        "no_key": code(lambda: client.get_object("exports/none")),
        "no_key_head": code(lambda: client.head_object("exports/none")),
        "no_bucket": code(lambda: bucket(name="nobody-has-it").get_object(KEY)),
        "wrong_secret": code(lambda: bucket(secret="wrong").get_object(KEY)),
        "unknown_key_id": code(lambda: bucket(key_id="LTAInobody").get_object(KEY)),
    }


def ends(client: Any) -> dict[str, object]:
    pages = oss2.ObjectIteratorV2(client, prefix="exports/", max_keys=1)
    keys = [found.key for found in pages]
    for key in keys:
        client.delete_object(key)
    return {"keys": keys, "exists_after_delete": client.object_exists(KEY)}


def main() -> None:
    client = bucket()
    report: dict[str, object] = {}
    for step in (whole_objects, parts, refused_parts, links, errors, ends):
        report |= step(client)
    sys.stdout.write(json.dumps(report))


main()
