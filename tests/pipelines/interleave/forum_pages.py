"""Threads as the common forum programs write them: what is around the posts, and what is around each one."""

from dataclasses import dataclass

POSTS = (
    "I had the same trouble with the pump last year, and what helped in the end was a new seal from the dealer "
    "in town.",
    "Thanks!",
    "Could you say which seal it was? Mine leaks at the shaft and I would rather not take the whole thing apart twice.",
    "It was the blue one, part 4471. Take the old one with you, since they changed the size of the shaft in 2009.",
    "+1",
    "I can confirm that part 4471 fits the older model as well; you need to warm it in water before pressing it in.",
    "Do you have a photo of it?",
)
NOISE = "Words that stand beside every post, or on every page, and that no reader of the thread came here to read."


@dataclass(frozen=True)
class Forum:
    """A program: ``page`` holds ``@posts``; ``post`` holds ``@text``, ``@noise`` and the post's number ``@n``."""

    name: str
    url: str
    page: str
    post: str

    def make(self) -> bytes:
        """Returns a thread of all posts."""
        posts = "".join(self.post.replace("@text", text).replace("@n", str(n)) for n, text in enumerate(POSTS))
        page = f"<html><head><title>Pump leaks at the shaft</title></head><body>{self.page}</body></html>"
        return page.replace("@posts", posts).replace("@noise", NOISE).encode()


FORUMS = (
    Forum(
        "phpBB",
        "https://example.org/viewtopic.php?t=1",
        "<div id=wrap><div id=page-header><div class=headerbar role=banner><p>@noise</p></div></div>"
        "<div id=page-body class=page-body role=main><h2 class=topic-title><a href=t>Pump leaks at the shaft</a></h2>"
        "<div class=pagination>7 posts</div>@posts<div class='stat-block online-list'><h3>Who is online</h3>"
        "<p>@noise</p>"
        "</div></div><div id=page-footer class=page-footer role=contentinfo><div class=copyright>@noise</div></div>"
        "</div>",
        "<div id=p@n class='post has-profile bg1'><div class=inner><dl class=postprofile><dt>"
        "<div class=avatar-container>"
        "<a href=m><img class=avatar src=/avatar@n.png></a></div><a href=m class=username>ann</a></dt>"
        "<dd class=profile-rank>Senior member with a rank that is long enough</dd></dl><div class=postbody>"
        "<h3><a href='#p@n'>Re: Pump leaks at the shaft</a></h3><ul class=post-buttons><li><a href=q>Quote</a></li>"
        "</ul>"
        "<p class=author>by <strong><a href=m>ann</a></strong> <time>Tue Mar 05, 2013</time></p>"
        "<div class=content>@text</div><div class=signature>@noise</div></div>"
        "<div class=back2top><a href='#wrap' class=top>Top</a></div></div></div>",
    ),
    Forum(
        "vBulletin",
        "https://example.org/showthread.php?1",
        "<div id=header><ul><li><a href=r>Register</a></li></ul></div><div class=body_wrapper>"
        "<div id=breadcrumb class="
        "breadcrumb><ul><li><a href=i>Home</a></li></ul></div><ol id=posts class=posts>@posts</ol>"
        "<div id=thread_info "
        "class='thread_info block'><ul><li>You may not post new threads, says this line of the board</li></ul></div>"
        "</div>"
        "<div class=below_body><div id=footer_copyright class='shade footer_copyright'>@noise</div></div>",
        "<li class='postbitlegacy postcontainer' id=post_@n><div class=posthead><span class=postdate>03-05-2013"
        "</span>"
        "</div><div class=postdetails><div class=userinfo><a class=username href=m>ann</a>"
        "<span class=usertitle>Senior"
        "</span><a class=postuseravatar href=m><img src=/avatar@n.png></a><dl><dt>Join Date</dt><dd>Feb 2010</dd>"
        "</dl>"
        "</div><div class=postbody><div class=content><blockquote class='postcontent restore'>@text</blockquote>"
        "</div>"
        "<blockquote class='signature restore'><div class=signaturecontainer>@noise</div></blockquote></div></div>"
        "<div class=postfoot><span class=postcontrols><a href=r>Reply With Quote</a></span></div></li>",
    ),
    Forum(
        "Discourse",
        "https://example.org/t/pump/1",
        "<header><a href=/>Community</a></header><div id=main-outlet class=wrap role=main><h1>Pump leaks at the shaft"
        "</h1>@posts<div id=related-topics class=more-topics__list role=complementary><h3>Related topics</h3>"
        "<p>@noise"
        "</p></div></div><footer class='container wrap'><p class=powered-by-link>@noise</p></footer>",
        "<div id=post_@n itemscope itemtype='http://schema.org/DiscussionForumPosting' class='topic-body "
        "crawler-post'>"
        "<div class=crawler-post-meta><span class=creator><a href=u>ann</a></span><time class=post-time>March 5"
        "</time>"
        "</div><div class=post itemprop=text><p>@text</p></div><span class=post-likes>3 Likes</span></div>",
    ),
    Forum(
        "XenForo",
        "https://example.org/threads/pump.1/",
        "<div class=p-pageWrapper><header class=p-header><a href=/>Garden</a></header><div class=p-body><div class="
        "'block block--messages'><div class=block-body>@posts</div></div><div class=block>"
        "<h3 class=block-header>Similar "
        "threads</h3><div class=structItem><a href=x>Another pump that leaks, at another place</a></div></div></div>"
        "<footer class=p-footer><div class=p-footer-copyright>@noise</div></footer></div>",
        "<article class='message message--post' id=js-post-@n><div class=message-inner><div class='message-cell "
        "message-cell--user'><section class=message-user><a class=avatar href=m><img src=/avatar@n.png></a><h4 class="
        "message-name><a href=m>ann</a></h4><dl class=pairs><dt>Joined</dt><dd>Feb 2, 2010</dd></dl></section></div>"
        "<div class='message-cell message-cell--main'><header class=message-attribution><time>Mar 5, 2013</time>"
        "</header>"
        "<div class=message-content><article class=message-body><div class=bbWrapper>@text</div></article></div>"
        "<aside "
        "class=message-signature><div class=bbWrapper>@noise</div></aside><footer class=message-footer>"
        "<a href=r>Reply"
        "</a></footer></div></div></article>",
    ),
    Forum(
        "Simple Machines",
        "https://example.org/index.php?topic=1.0",
        "<div id=wrapper><div id=header><div class=frame>@noise</div></div><div id=content_section>"
        "<div id=forumposts>"
        "@posts</div></div><div id=footer_section><div class=frame>@noise</div></div></div>",
        "<div class=windowbg><div class=post_wrapper><div class=poster><h4><a href=m>ann</a></h4><ul class=reset><li "
        "class=avatar><img src=/avatar@n.png></li><li>Posts: 120</li></ul></div><div class=postarea><div class=post>"
        "<div class=inner id=msg_@n>@text</div></div></div><div class=moderatorbar><div class=signature>@noise</div>"
        "</div></div></div>",
    ),
    Forum(
        "Hacker News",
        "https://news.example.org/item?id=1",
        "<center><table id=hnmain><tr><td><span class=pagetop><b><a href=news>News</a></b> <a href=newest>new</a>"
        "</span>"
        "</td></tr><tr><td><table class=fatitem><tr class=athing><td class=title>"
        "<a href='http://x'>Pump leaks at the "
        "shaft</a></td></tr></table><br><table class=comment-tree>@posts</table></td></tr><tr><td><center>"
        "<span class="
        "yclinks><a href=g>Guidelines</a> | <a href=f>FAQ</a></span></center></td></tr></table></center>",
        "<tr class='athing comtr' id=@n><td><table><tr><td class=ind><img src=s.gif height=1 width=40></td><td class="
        "default><div><span class=comhead><a href=user class=hnuser>ann</a> <span class=age><a href=item>3 hours ago"
        "</a>"
        "</span></span></div><br><div class=comment><div class='commtext c00'>@text</div><div class=reply><p><font>"
        "<u><a href=reply>reply</a></u></font></p></div></div></td></tr></table></td></tr>",
    ),
    Forum(
        "Reddit",
        "https://old.example.org/r/gardening/comments/1/pump/",
        "<div id=header role=banner><a href=/>home</a></div><div class=side><div class=titlebox><p>@noise</p></div>"
        "</div>"
        "<div class=content role=main><div class=commentarea><div class='sitetable nestedlisting'>@posts</div></div>"
        "</div>"
        "<div class=footer-parent><p class=bottommenu>@noise</p></div>",
        "<div class='thing noncollapsed comment' id=t@n><div class='entry unvoted'><p class=tagline><a href=u class="
        "author>ann</a> <time>1 year ago</time></p><form class=usertext><div class=usertext-body><div class=md>"
        "<p>@text"
        "</p></div></div></form><ul class='flat-list buttons'><li><a href=p>permalink</a></li></ul></div></div>",
    ),
    Forum(
        "Discourse for crawlers",
        "https://example.org/t/the-pump/1",
        "<header><a href=/>Home</a></header><div id=main-outlet role=main><h1><a href=t>Pump leaks</a></h1>"
        "<div itemscope itemtype='http://schema.org/DiscussionForumPosting'>@posts</div></div>"
        "<footer class=container><p>@noise</p></footer>",
        "<div itemprop=comment id=post_@n class='topic-body crawler-post'><div class=crawler-post-meta>"
        "<span class=creator><a href=/u/ann>ann</a></span> <span class=crawler-post-infos><time>May 1, 2024</time> "
        "@noise</span></div><div class=post itemprop=text><p>@text</p></div></div>",
    ),
    Forum(
        "Lemmy",
        "https://lemmy.example.org/post/1",
        "<nav class=navbar><a href=/>Home</a></nav><main><ul class=comments>@posts</ul><aside><p>@noise</p></aside>"
        "</main>",
        "<li class=comment><article class='details comment-node'><div class=comment-content><div class=md-div>"
        "<p>@text</p></div></div><div class=comment-bottom-btns><button>@noise</button></div></article></li>",
    ),
    Forum(
        "Stack Exchange",
        "https://example.org/questions/1/the-pump",
        "<div id=mainbar itemscope itemtype='https://schema.org/Question'><div id=answers>@posts</div></div>"
        "<div id=sidebar><p>@noise</p></div>",
        "<div id=answer-@n class='answer js-answer'><div class=post-layout><div class='votecell post-layout--left'>"
        "<div class=js-vote-count>@noise</div></div><div class='answercell post-layout--right'><div class=s-prose>"
        "<p>@text</p></div><div class='post-signature user-info'>answered May 1<a href=/u>ann</a></div></div></div>"
        "</div>",
    ),
)
