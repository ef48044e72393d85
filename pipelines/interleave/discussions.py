"""Pages that are discussions: what readers say is then the page itself."""

import re
from collections.abc import Iterable

from pipelines.interleave.layout import Block

_URL = re.compile(
    r"https?://(?:boards?|community|discuss|discourse|forums?|lemmy)\."
    r"|/(?:boards?|comments|discussions?|forums?|questions|t|threads?|topics?)/"
    r"|showthread|viewtopic|[?&](?:showtopic|thread|threadid|tid|topic)=",
    re.IGNORECASE,
)
"""Hosts and paths of common programs: phpBB, vBulletin, Discourse, XenForo, SMF, Reddit, and Q&A sites."""

_TYPES = re.compile(r"schema\.org/(?:DiscussionForumPosting|QAPage|Question)\b")


def is_discussion(url: str, blocks: Iterable[Block]) -> bool:
    """Returns whether a page says by its URL, or by the schema.org type of a block, that it is a discussion."""
    return _URL.search(url) is not None or any(
        _TYPES.search(block.attributes["itemtype"] or "") for block in blocks if "itemtype" in block.attributes
    )
