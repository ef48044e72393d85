"""Encodings of hostile pages are those of the WHATWG Encoding standard, whatever the page says of itself."""

from itertools import product

import pytest

from pipelines.interleave.encoding import decode_page, is_utf8

HTML = "text/html"


def decoded(body: bytes, content_type: str | None = None) -> tuple[str, str, str]:
    page = decode_page(body, content_type)
    return page.text, page.encoding, page.source


@pytest.mark.parametrize("label", ["utf-7", "utf7", "foo", "cesu-8", "x-unknown", "utf-8x", "none", ""])
def test_labels_outside_the_table_are_passed_over(label: str) -> None:
    body = f"<meta charset='{label}'><p>+ADw-script+AD4-</p>".encode()

    text, encoding, source = decoded(body, f"{HTML}; charset={label}")

    assert (encoding, source) == ("utf-8", "utf-8")
    assert "+ADw-script+AD4-" in text


@pytest.mark.parametrize("label", ["hz-gb-2312", "iso-2022-kr", "iso-2022-cn", "iso-2022-cn-ext", "replacement"])
def test_encodings_that_hide_markup_give_one_replacement_character(label: str) -> None:
    assert decoded(b"~{<:Ky2;~} <script>", f"{HTML}; charset={label}") == ("\ufffd", "replacement", "header")


def test_a_byte_order_mark_overrules_the_header() -> None:
    body = b"\xff\xfe" + "<p>\u0160".encode("utf-16-le")

    assert decoded(body, f"{HTML}; charset=latin1") == ("<p>\u0160", "utf-16le", "bom")
    assert decoded(b"\xef\xbb\xbf<p>\xc5\xa0", f"{HTML}; charset=latin1") == ("<p>\u0160", "utf-8", "bom")
    assert decoded(b"\xfe\xff\x00<\x01\x60")[:2] == ("<\u0160", "utf-16be")


def test_utf_32_is_read_as_the_utf_16_its_mark_begins_like() -> None:
    text, encoding, source = decoded(b"\xff\xfe\x00\x00" + "ab".encode("utf-32-le"))

    assert (encoding, source) == ("utf-16le", "bom")
    assert text == "\0a\0b\0"


def test_the_header_wins_over_the_page_and_the_first_meta_over_the_second() -> None:
    body = b"<meta charset=windows-1251><meta charset=koi8-r><p>\xe4"

    assert decoded(body, f"{HTML}; charset=windows-1252") == (body.decode("cp1252"), "windows-1252", "header")
    assert decoded(body, HTML) == (body.decode("cp1251"), "windows-1251", "meta")


def test_a_meta_in_a_comment_or_past_the_first_1024_bytes_is_not_seen() -> None:
    assert decoded(b"<!-- <meta charset=koi8-r> --><p>\xc3\xa4")[1:] == ("utf-8", "utf-8")
    assert decoded(b" " * 1024 + b"<meta charset=koi8-r><p>\xc3\xa4")[1:] == ("utf-8", "utf-8")


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        (b"<meta charset=utf-16le>", "utf-8"),
        (b"<meta charset='UTF-16'>", "utf-8"),
        (b"<meta charset=x-user-defined>", "windows-1252"),
        (b'<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=ISO-8859-1">', "windows-1252"),
        (b"<meta content='text/html; charset=shift_jis' http-equiv=content-type>", "shift_jis"),
        (b"<meta name=x content='charset=koi8-r'><meta charset=gb2312>", "gbk"),
        (b"<meta charset = ' latin1 ' />", "windows-1252"),
    ],
)
def test_a_meta_is_read_as_the_prescan_says(meta: bytes, expected: str) -> None:
    assert decoded(meta + b"<p>text")[1:] == (expected, "meta")


def test_windows_1252_keeps_the_control_characters_that_the_standard_keeps() -> None:
    text, _, _ = decoded(bytes(range(0x80, 0xA0)), f"{HTML}; charset=latin1")

    assert [text[i] for i in (0x00, 0x01, 0x0D, 0x0F, 0x10, 0x1D)] == ["\u20ac", "\x81", "\x8d", "\x8f", "\x90", "\x9d"]


def test_user_defined_bytes_move_to_the_private_use_area() -> None:
    assert decoded(b"a\x80\xff", f"{HTML}; charset=x-user-defined")[0] == "a\uf780\uf7ff"


@pytest.mark.parametrize(
    ("label", "body", "expected"),
    [
        # A lead byte before ASCII does not swallow it: a quote or a tag can not be hidden.
        ("shift_jis", b'<a b="\x81">x', '<a b="\ufffd">x'),
        ("euc-jp", b'<a b="\xa4">x', '<a b="\ufffd">x'),
        ("euc-jp", b"\x8f\xb0\xa1", "\u4e02"),
        ("shift_jis", b"\x82\xa0\xb1", "\u3042\uff71"),
        ("big5", b"\x88\x62", "\u00ca\u0304"),
        ("big5", b"\xa4\xa4\xa4\xe5", "\u4e2d\u6587"),
        ("gbk", b"\xd6\xd0\xce\xc4", "\u4e2d\u6587"),
        ("euc-kr", b"\xb0\xa1", "\uac00"),
        ("iso-2022-jp", b'\x1b$B$"\x1b(B<b>', "\u3042<b>"),
        ("koi8-r", b"\xd4\xc5\xd3\xd4", "\u0442\u0435\u0441\u0442"),
        ("utf-8", b"a\xc0\xafb", "a\ufffd\ufffdb"),
        ("utf-8", b"a\xed\xa0\x80b", "a\ufffd\ufffd\ufffdb"),
        ("utf-8", b"a\xf0\x9f\x98b", "a\ufffdb"),
    ],
)
def test_bytes_are_read_as_the_standard_says(label: str, body: bytes, expected: str) -> None:
    assert decoded(body, f"{HTML}; charset={label}")[0] == expected


def test_utf_8_read_twice_as_latin_1_is_kept_as_it_is() -> None:
    twice = "\u00e9".encode().decode("latin-1").encode()

    assert decoded(b"<p>" + twice, f"{HTML}; charset=utf-8")[0] == "<p>\u00c3\u00a9"


def test_ten_megabytes_without_a_charset_are_decoded_whole() -> None:
    body = b"<p>caf\xe9 au lait, cr\xe8me br\xfbl\xe9e. " * 300_000

    text, _, source = decoded(body)

    assert source == "detected"
    assert len(text) == len(body)


def test_confusable_letters_are_not_folded() -> None:
    assert decoded("<a href='https://раура1.example/'>".encode())[0] == "<a href='https://раура1.example/'>"


def test_what_is_utf8_is_what_can_be_decoded() -> None:
    edges = bytes.fromhex("0041 7f80 8f90 9fa0 bfc1 c2df e0e1 eced eeef f0f1 f4f5 ff")
    sequences = [bytes(sequence) for length in range(5) for sequence in product(edges, repeat=length)]

    assert [sequence for sequence in sequences if is_utf8(sequence) != _can_be_decoded(sequence)] == []


def _can_be_decoded(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
