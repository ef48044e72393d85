"""What boilerplate says of itself: headings of link lists, labels, bylines, promotions, in a few languages."""

import re

SENTENCE_END = re.compile(r"[.!?…:。！？”\"')]\s*$")


def _phrases(text: str) -> str:
    """Returns alternatives, one a line, as one pattern; a blank stands for any white space."""
    return "|".join(line.strip().replace(" ", r"\s+") for line in text.strip().splitlines())


RELATED_HEADING = re.compile(
    r"\W*(?:"
    + _phrases(
        r"""
        related
        recommended
        more (?:from|on|in|like|stories|news|articles)
        you (?:may|might|could) (?:also )?(?:like|enjoy|be)
        you (?:may|might) also
        read (?:more|next|also|this next)
        also (?:read|on|in|see)
        see also
        don['’]t miss
        up next
        what to read next
        popular
        most (?:read|popular|viewed|commented)
        trending
        latest (?:news|stories|articles|posts|from)
        top stories
        editors?['’]s? picks?
        (?:top rated |recent |leave a |post a |add a )?comments?\W*$
        leave a reply
        tell us what you think
        join the (?:conversation|discussion)
        share (?:this|on|via)
        follow us
        about the author
        newsletter
        sign up
        subscribe
        advertisement
        tags?\W*$
        leia (?:também|mais)
        você pode gostar
        veja também
        (?:artigos |artículos |noticias )?relacionad[oa]s
        lire aussi
        à lire
        articles? (?:connexes|similaires|liés)
        sur le même sujet
        commentaires
        mehr (?:zum|zu|von|aus)
        das könnte
        auch interessant
        ähnliche
        weitere (?:artikel|themen|beiträge)
        kommentare?\W*$
        ti potrebbe
        potrebbe(?:ro)? interessar
        leggi anche
        articoli correlati
        te puede interesar
        también te
        comentarios
        читайте также
        смотрите также
        похожие
        комментарии
        """
    )
    + ")",
    re.IGNORECASE,
)
"""Headings that announce other pages, or what readers say: the text under them is not the page's."""

LABEL = re.compile(
    r"\W*(?:"
    + _phrases(
        r"""
        advert(?:isement|s)?
        ads?
        sponsored(?: content)?
        share
        tweet
        print
        e-?mail
        comments?
        read more
        continue reading(?: below)?
        story continues below(?: advertisement)?
        click to (?:play|expand|enlarge)
        loading
        publicidade
        publicité
        werbung
        anzeige
        реклама
        """
    )
    + r")\W*\Z",
    re.IGNORECASE,
)
"""Whole runs that label an advertisement or a button."""

PROMOTION = re.compile(
    r"\b(?:"
    + _phrases(
        r"""
        sign up
        subscribe
        newsletters?
        follow (?:us|me|him|her|them) (?:on|at)
        on twitter
        on facebook
        click here (?:to|for)
        all rights reserved
        contributed to this report
        copyright
        have a tip
        download (?:the|our) app
        """
    )
    + r")\b|©",
    re.IGNORECASE,
)
"""What a short last paragraph has in it that is about the site, not of the text."""

BYLINE = re.compile(
    r"\W*(?:by|por|von|par|di|da|door|от|автор|author|date|published|publicado|posted|updated|written\s+by"
    r"|last\s+(?:updated|modified))\b",
    re.IGNORECASE,
)
"""What a line between title and text begins with."""
