"""A certificate's names are its alternative ones, its common name where it has none."""

import pytest

from rowferry.wire.certificates import certificate_names

SUBJECT = ((("countryName", "CN"),), (("commonName", "shop"),))


@pytest.mark.parametrize(
    ("certificate", "names"),
    [
        (None, ()),
        ({}, ()),
        ({"subject": SUBJECT}, ("shop",)),
        (
            {
                "subject": SUBJECT,
                "subjectAltName": (("DNS", "shop.example"), ("URI", "spiffe://x/shop")),
            },
            ("shop.example", "spiffe://x/shop"),
        ),
        ({"subject": SUBJECT, "subjectAltName": (("IP Address", "192.0.2.1"),)}, ("shop",)),
    ],
)
def test_names_of_a_certificate(
    certificate: dict[str, object] | None, names: tuple[str, ...]
) -> None:
    assert certificate_names(certificate) == names
