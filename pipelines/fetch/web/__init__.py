"""Images from the web: one guarded client, polite to hosts, obedient to what sites say."""
