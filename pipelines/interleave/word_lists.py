"""Short word lists for the text measures: function words by language, spam words, obscene words."""

from pipelines.interleave.elements import words

STOP_WORDS: dict[str, frozenset[str]] = {
    "en": words(
        "a about after again all also am an and any are as at be because been before being but by can could did do "
        "does for from had has have he her here him his how i if in into is it its just me more most my no not now "
        "of on one only or other our out over said she should so some such than that the their them then there "
        "these they this those through to too under up us very was we were what when where which while who why will "
        "with would you your i'm it's don't that's you're we're they're i've can't didn't doesn't isn't won't he's "
        "she's let's"
    ),
    "de": words(
        "aber alle als also am an auch auf aus bei bin bis das dass dem den der des die dies diese doch du durch "
        "ein eine einem einen einer eines er es für haben hat hatte ich ihr ihre im in ist ja kann kein keine man "
        "mehr mit nach nicht noch nur oder sein seine sich sie sind so über um und uns unter vom von vor war waren "
        "was wenn werden wie wir wird wurde zu zum zur"
    ),
    "es": words(
        "a al algo ante como con cuando de del desde donde dos el ella ellos en entre era es esa ese eso esta este "
        "esto está están fue ha han hasta hay la las le les lo los más me mi muy no nos o para pero por porque que "
        "qué quien se ser si sin sobre son su sus también tan te tiene todo todos tu un una uno unos y ya yo"
    ),
    "fr": words(
        "a à au aussi aux avec c'est ce ces cette comme d'un d'une dans de des deux du elle elles en encore est et "
        "été être eux fait il ils j'ai je l'on la là le les leur leurs lui mais me même mes moi mon n'est ne nos "
        "notre nous on ont ou où par pas plus pour qu'il que qui s'est sa sans se ses si son sont sous sur ta te "
        "tout tous très tu un une vous y"
    ),
    "it": words(
        "a ad al alla alle anche ancora aveva c'è che chi ci come con da dal dalla dei del della delle di dopo dove "
        "due e è ed era essere fra gli ha hanno ho i il in io la le lei lo loro lui ma mi mio molto nel nella nelle "
        "no noi non o per perché più poi quando quello questa questo se senza si solo sono stato su sua sue sul suo "
        "tra tu tutti tutto un una uno"
    ),
    "nl": words(
        "aan al als bij dan dat de deze die dit door een en er geen had heb hebben heeft het hij hoe hun ik in is "
        "je kan maar me meer men met mijn na naar niet nog nu of om ons ook op over te tot u uit van veel voor want "
        "was wat we wel werd wij wordt ze zei zich zij zijn zo zou"
    ),
    "pt": words(
        "a ao aos as até com como da das de dele do dos e é ela elas ele eles em entre era essa esse esta está este "
        "eu foi há isso já lhe mais mas me mesmo meu muito na não nas nem no nos nós o os ou para pela pelo por "
        "porque quando que quem se sem ser seu seus só sua suas também te tem um uma você"
    ),
}

SPAM_WORDS = words(
    "click clicking facebook twitter instagram pinterest linkedin whatsapp telegram tumblr reddit youtube tiktok "
    "share shares tweet retweet follow followers like likes subscribe subscribed newsletter login signup sign-up "
    "register password cookies cookie copyright advertisement advertisements sponsored promo coupon discount "
    "checkout cart unsubscribe loading javascript"
)

FLAGGED_WORDS = words(
    "anal anus asshole bitch bitches blowjob boobs bukkake busty camgirl camgirls clit cock cocks creampie cum "
    "cumshot cunt deepthroat dick dicks dildo escorts fuck fucked fucker fucking gangbang handjob hardcore hentai "
    "horny hooker incest masturbate masturbation milf motherfucker naked nude nudes orgasm orgy penis porn porno "
    "pornhub pussy rape sexcam shemale slut sluts threesome tits titties upskirt vagina viagra whore whores xxx"
)
