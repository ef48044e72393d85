"""Why a record left: the enum of reasons, and the row that says it.

A record is either in a job's output or here. Nothing leaves in silence.
"""

from dataclasses import dataclass
from enum import StrEnum


class RejectReason(StrEnum):
    """Every reason for which a job leaves something out. Values are file format: rename none."""

    # Reading archives and pages (interleave)
    NOT_A_RESPONSE = "not_a_response"
    REVISIT = "revisit"
    NOT_HTML = "not_html"
    STATUS_NOT_OK = "status_not_ok"
    EMPTY_BODY = "empty_body"
    BAD_URL = "bad_url"
    INPUT_MISSING = "input_missing"
    INPUT_EMPTY = "input_empty"
    NOT_A_WARC = "not_a_warc"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    BAD_ENCODING = "bad_encoding"
    PAGE_TOO_LARGE = "page_too_large"
    TOO_DEEP = "too_deep"
    TOO_COMPLEX = "too_complex"
    DECOMPRESSION_LIMIT = "decompression_limit"
    UNSUPPORTED_ENCODING = "unsupported_encoding"
    BAD_ROW = "bad_row"
    NO_MAIN_TEXT = "no_main_text"
    TOO_MANY_IMAGES = "too_many_images"

    # References to images in a page (interleave)
    REPEATED_IN_PAGE = "repeated_in_page"
    OUTSIDE_MAIN_CONTENT = "outside_main_content"
    OTHER_CANDIDATE = "other_candidate"
    PAGE_REJECTED = "page_rejected"
    NO_SOURCE = "no_source"
    UNSUPPORTED_SCHEME = "unsupported_scheme"
    PLACEHOLDER_IMAGE = "placeholder_image"
    DATA_URI_TOO_LARGE = "data_uri_too_large"

    # Fetching (fetch)
    NOT_FOUND = "not_found"
    HTTP_ERROR = "http_error"
    TIMEOUT = "timeout"
    DNS_ERROR = "dns_error"
    CONNECTION_ERROR = "connection_error"
    TLS_ERROR = "tls_error"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    FORBIDDEN_ADDRESS = "forbidden_address"
    FORBIDDEN_BY_ROBOTS = "forbidden_by_robots"
    OPTED_OUT = "opted_out"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_PIXELS = "too_many_pixels"
    EMPTY_FILE = "empty_file"
    NOT_AN_IMAGE = "not_an_image"
    BROKEN_IMAGE = "broken_image"

    # Filters (select)
    FORMAT_NOT_ALLOWED = "format_not_allowed"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    BAD_ASPECT = "bad_aspect"
    BANNED_URL_WORD = "banned_url_word"
    LOW_SCORE = "low_score"
    NO_SCORE = "no_score"
    NO_CAPTION = "no_caption"
    NO_IMAGE_LEFT = "no_image_left"
    NO_TEXT_LEFT = "no_text_left"
    WRONG_LANGUAGE = "wrong_language"
    TOO_FEW_WORDS = "too_few_words"
    TOO_MANY_WORDS = "too_many_words"
    CHARACTER_REPETITION = "character_repetition"
    WORD_REPETITION = "word_repetition"
    SPECIAL_CHARACTERS = "special_characters"
    STOP_WORDS = "stop_words"
    FLAGGED_WORDS = "flagged_words"
    PUNCTUATION = "punctuation"
    SPAM_WORDS = "spam_words"
    COMMON_WORDS = "common_words"
    PERPLEXITY = "perplexity"

    # Duplicates (dedup)
    DUPLICATE_URL = "duplicate_url"
    DUPLICATE_IMAGE_SET = "duplicate_image_set"
    NEAR_DUPLICATE = "near_duplicate"
    DUPLICATE_IMAGE = "duplicate_image"
    TOO_MANY_OCCURRENCES = "too_many_occurrences"
    REPEATED_IN_DOMAIN = "repeated_in_domain"
    CONTAMINATED = "contaminated"

    # Recaptioning (recaption)
    CAPTIONER_FAILED = "captioner_failed"

    # Mixing (mix)
    TOO_LONG = "too_long"
    EMPTY_SAMPLE = "empty_sample"
    POOL_LEFT_OVER = "pool_left_over"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One thing that a job left out, and why."""

    job: str
    """Name of the job, for example ``"fetch"``."""

    kind: str
    """What was left out, in the unit the job counts: ``"record"``, ``"document"``, ``"image"``, ``"url"``, ..."""

    item: str
    """Id of it: a document id, a URL, an image id, or ``archive:offset`` of a record."""

    reason: RejectReason

    value: float | None = None
    """The measured value, where the reason compares one with a threshold."""

    threshold: float | None = None
    """The threshold it was compared with."""

    detail: str = ""
    """One sentence for a person: which, what was seen, what was needed."""

    parent: str | None = None
    """Id of the document that the item belonged to, where it is a part of one."""

    url: str | None = None
    """URL of the page, as its source states it, where the item is a record."""
