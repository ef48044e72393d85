"""What HTML's elements are, as far as reading order and reading matter go.

The sets follow the rendering section of the HTML standard (https://html.spec.whatwg.org/#rendering): which elements are
not displayed, which start a line, which only style the text around them.
"""


def words(text: str) -> frozenset[str]:
    """Returns the words of ``text``: how a set of names is written here."""
    return frozenset(text.split())


SKIPPED = words(
    "script style template head title meta link base datalist canvas map param track input textarea select svg math"
    " progress meter rp frameset frame noframes -comment -doctype"
)
"""Elements whose content a reader of the page does not see as text; they are not descended into."""

STYLING = words(
    "abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd mark nobr q rb rt rtc ruby s samp small strike"
    " strong sub sup time tt u var"
)
"""Phrasing content that neither starts a line nor carries anything but style: unwrapped in place."""

BLOCKS = words(
    "address article aside blockquote body button caption center dd details dir div dl dt fieldset figcaption figure"
    " footer form h1 h2 h3 h4 h5 h6 header hgroup hr html iframe legend li listing main menu nav noscript ol p "
    "plaintext pre search section summary table tbody tfoot thead td th tr ul video audio xmp"
)
"""Elements that start and end a line: text before, in and after them is never joined."""

HEADINGS = words("h1 h2 h3 h4 h5 h6")

PREFORMATTED = words("pre listing xmp plaintext")
"""Elements whose line breaks are content."""

IMAGES = words("img amp-img object embed image")
"""Elements that show an image where they stand."""
