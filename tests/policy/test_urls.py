"""The strict reader of endpoint URLs: one reading, or a refusal with a code."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from urllib3.util import parse_url

from webhooks.policy import hosts, urls
from webhooks.policy.urls import Address, UrlRefused

ACCEPTED = {
    "https://example.com": Address("https", "example.com", 443, "/"),
    "https://example.com/": Address("https", "example.com", 443, "/"),
    "https://example.com:443/hook": Address("https", "example.com", 443, "/hook"),
    "https://example.com:8443/hook": Address("https", "example.com", 8443, "/hook"),
    "https://example.com:1024/": Address("https", "example.com", 1024, "/"),
    "https://example.com:65535/": Address("https", "example.com", 65535, "/"),
    "https://a-b.example.co.uk/a/b?c=d&e=%20": Address("https", "a-b.example.co.uk", 443, "/a/b?c=d&e=%20"),
    "https://example.com?token=a/b?c": Address("https", "example.com", 443, "/?token=a/b?c"),
    "https://example.com/@me:1/~x/(y)!$&'*+,;=": Address("https", "example.com", 443, "/@me:1/~x/(y)!$&'*+,;="),
    "https://example.com/...": Address("https", "example.com", 443, "/..."),
    "https://example.com/?next=../": Address("https", "example.com", 443, "/?next=../"),
    "https://xn--mnchen-3ya.example/": Address("https", "xn--mnchen-3ya.example", 443, "/"),
    "https://192.0.2.1/": Address("https", "192.0.2.1", 443, "/"),
    "https://[2001:db8::1]:8443/": Address("https", "2001:db8::1", 8443, "/"),
    "https://1.example/": Address("https", "1.example", 443, "/"),
    f"https://{'a' * 63}.example/": Address("https", f"{'a' * 63}.example", 443, "/"),
}

REFUSED = {
    "": "not_printable_ascii",
    "example.com": "scheme_not_allowed",
    "//example.com/": "scheme_not_allowed",
    "http://example.com/": "scheme_not_allowed",
    "HTTPS://example.com/": "scheme_not_allowed",
    "ftp://example.com/": "scheme_not_allowed",
    "file:///etc/passwd": "scheme_not_allowed",
    "gopher://example.com/": "scheme_not_allowed",
    "https:/example.com/": "scheme_not_allowed",
    "https:example.com": "scheme_not_allowed",
    "javascript:alert(1)": "scheme_not_allowed",
    " https://example.com/": "not_printable_ascii",
    "https://example.com/\n": "not_printable_ascii",
    "https://exa\tmple.com/": "not_printable_ascii",
    "https://example.com/\x00": "not_printable_ascii",
    "https://example.com/\x7f": "not_printable_ascii",
    "https://münchen.example/": "not_printable_ascii",
    "https://example。com/": "not_printable_ascii",
    "https://１２７.0.0.1/": "not_printable_ascii",
    "https://example.com\\@evil.example/": "backslash",
    "https:\\\\example.com/": "backslash",
    "https://example.com/#a": "fragment",
    "https://evil.example#@example.com/": "fragment",
    "https://user@example.com/": "userinfo",
    "https://user:password@example.com/": "userinfo",
    "https://example.com:443@evil.example/": "userinfo",
    "https://@example.com/": "userinfo",
    "https://127.0.0%2e1/": "percent_in_host",
    "https://[fe80::1%25eth0]/": "percent_in_host",
    "https://ex%61mple.com/": "percent_in_host",
    "https:///path": "host_malformed",
    "https://:443/": "host_malformed",
    "https://example.com:/": "port_malformed",
    "https://example.com:0/": "port_malformed",
    "https://example.com:00443/": "port_malformed",
    "https://example.com:-1/": "port_malformed",
    "https://example.com:65536/": "port_malformed",
    "https://example.com:99999999/": "port_malformed",
    "https://example.com:44a/": "port_malformed",
    "https://example.com:443:443/": "port_malformed",
    "https://example.com:22/": "port_not_allowed",
    "https://example.com:80/": "port_not_allowed",
    "https://example.com:1023/": "port_not_allowed",
    "https://example/": "host_malformed",
    "https://Example.com/": "host_malformed",
    "https://example.com./": "host_malformed",
    "https://.example.com/": "host_malformed",
    "https://example..com/": "host_malformed",
    "https://-example.com/": "host_malformed",
    "https://example-.com/": "host_malformed",
    "https://exam_ple.com/": "host_malformed",
    "https://exam!ple.com/": "host_malformed",
    f"https://{'a' * 64}.example/": "host_malformed",
    f"https://{'a.' * 130}example/": "host_malformed",
    "https://2130706433/": "host_malformed",
    "https://127.1/": "host_malformed",
    "https://127.0.1/": "host_malformed",
    "https://0177.0.0.1/": "host_malformed",
    "https://127.0.0.01/": "host_malformed",
    "https://127.0.0.256/": "host_malformed",
    "https://127.0.0.1./": "host_malformed",
    "https://0x7f.0.0.1/": "host_malformed",
    "https://0x7f.0.0.0x1/": "host_malformed",
    "https://0x7f000001/": "host_malformed",
    "https://example.1/": "host_malformed",
    "https://[::1/": "host_malformed",
    "https://::1/": "host_malformed",
    "https://[::1]x/": "host_malformed",
    "https://[]/": "host_malformed",
    "https://[127.0.0.1]/": "host_malformed",
    "https://[example.com]/": "host_malformed",
    "https://[2001:DB8::1]/": "host_malformed",
    "https://[2001:db8:0:0:0:0:0:1]/": "host_malformed",
    "https://[v1.fe80]/": "host_malformed",
    "https://localhost/": "host_malformed",
    "https://partner.localhost/": "host_is_local",
    "https://printer.local/": "host_is_local",
    "https://metadata.google.internal/": "host_is_local",
    "https://db.localdomain/": "host_is_local",
    "https://home.arpa/": "host_is_local",
    "https://nas.home.arpa/": "host_is_local",
    "https://argus.example/": "host_is_ours",
    "https://example.com/a b": "not_printable_ascii",
    "https://example.com/%": "target_malformed",
    "https://example.com/%zz": "target_malformed",
    "https://example.com/<script>": "target_malformed",
    'https://example.com/"': "target_malformed",
    "https://example.com/{id}": "target_malformed",
    "https://example.com/?a=[1]": "target_malformed",
    "https://example.com/../etc": "dot_segment",
    "https://example.com/a/./b": "dot_segment",
    "https://example.com/a/..": "dot_segment",
    "https://example.com/a/%2e%2E/b": "dot_segment",
    f"https://example.com/{'a' * 2048}": "too_long",
}


@pytest.mark.parametrize("text", ACCEPTED)
def test_a_well_formed_url_has_one_reading(text: str) -> None:
    assert urls.parse(text) == ACCEPTED[text]


@pytest.mark.parametrize("text", REFUSED)
def test_every_other_spelling_is_refused_with_its_code(text: str) -> None:
    with pytest.raises(UrlRefused) as refusal:
        urls.parse(text, own_hosts=frozenset({"argus.example"}))
    assert refusal.value.code == REFUSED[text]
    assert str(refusal.value) == refusal.value.sentence
    assert refusal.value.sentence.endswith(".")


def test_plain_http_is_read_only_on_request_and_has_its_own_default_port() -> None:
    assert urls.parse("http://example.com/", plain_http=True) == Address("http", "example.com", 80, "/")
    assert urls.parse("http://example.com:80/", plain_http=True).text == "http://example.com/"
    assert urls.parse("http://example.com:8080/", plain_http=True).port == 8080
    with pytest.raises(UrlRefused) as refusal:
        urls.parse("http://example.com:443/", plain_http=True)
    assert refusal.value.code == "port_not_allowed"


def test_only_an_exact_own_host_is_ours() -> None:
    own = frozenset({"argus.example"})
    assert urls.parse("https://partner.argus.example/", own_hosts=own).host == "partner.argus.example"


@pytest.mark.parametrize(
    ("text", "authority"),
    [
        ("https://example.com:443/", "example.com"),
        ("https://example.com:8443/", "example.com:8443"),
        ("https://[2001:db8::1]/", "[2001:db8::1]"),
        ("https://[2001:db8::1]:8443/", "[2001:db8::1]:8443"),
    ],
)
def test_the_authority_leaves_out_the_default_port_and_brackets_ipv6(text: str, authority: str) -> None:
    assert urls.parse(text).authority == authority


def test_a_literal_host_is_known_as_an_address_and_a_name_is_not() -> None:
    assert urls.parse("https://192.0.2.1/").literal == IPv4Address("192.0.2.1")
    assert urls.parse("https://[2001:db8::1]/").literal == IPv6Address("2001:db8::1")
    assert urls.parse("https://example.com/").literal is None


def test_a_zone_is_refused_even_without_the_url_around_it() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        hosts.read("[fe80::1%eth0]")


_HOSTS = st.one_of(
    st.from_regex(r"[a-z0-9]{1,9}(-[a-z0-9]{1,5})?(\.[a-z0-9]{1,9}){0,3}\.[a-z]{2,9}", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
)
_PORTS = st.one_of(st.just(""), st.integers(1, 65535).map(":{}".format))
_TARGETS = st.from_regex(
    r"(/([a-z0-9.~@:!]|%[0-9A-F]{2}){0,8}){0,3}(\?([a-z0-9=&/?.]|%[0-9a-f]{2}){0,9})?", fullmatch=True
)
_LIKELY = st.builds("https://{}{}{}".format, _HOSTS, _PORTS, _TARGETS)


@given(st.one_of(_LIKELY, st.text(st.characters(max_codepoint=127)).map("https://".__add__), st.text()))
@example("https://example.com:443?")
def test_whatever_is_accepted_reads_the_same_again_and_is_dialled_where_it_says(text: str) -> None:
    try:
        address = urls.parse(text)
    except UrlRefused:
        return
    assert urls.parse(address.text) == address
    dialled = parse_url(text)
    assert (dialled.scheme, (dialled.host or "").strip("[]"), dialled.port or 443) == (
        "https",
        address.host,
        address.port,
    )
    assert dialled.auth is None
    assert dialled.request_uri.startswith("/")
