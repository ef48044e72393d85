"""Words and sentence forms of the articles, in three languages. Braces name a list of ``SLOTS``."""

SLOTS: dict[str, tuple[str, ...]] = {
    "adjective": (
        *("old", "small", "quiet", "bright", "famous", "simple", "narrow", "warm", "busy", "wide"),
        *("strange", "lovely", "plain", "heavy", "early", "modern", "gentle", "open", "fine"),
    ),
    "place": (
        *("harbor", "market", "museum", "garden", "bridge", "library", "mill", "school", "station"),
        *("theater", "orchard", "lighthouse", "square", "church", "bakery", "park", "tower", "inn"),
    ),
    "person": (
        *("teacher", "baker", "doctor", "painter", "farmer", "captain", "gardener", "neighbor"),
        *("student", "mayor", "carpenter", "writer", "sailor", "nurse", "shepherd", "musician"),
    ),
    "people": (
        *("children", "visitors", "farmers", "students", "families", "workers", "friends"),
        *("travelers", "neighbors", "artists", "parents", "players", "readers", "walkers"),
    ),
    "thing": (
        *("wooden door", "stone wall", "long table", "blue boat", "paper lamp", "brass bell"),
        *("painted sign", "red roof", "glass window", "iron gate", "heavy book", "old clock"),
        *("white fence", "small stage", "green bench", "round stove", "copper kettle", "map"),
    ),
    "food": (
        *("fresh bread", "apple cake", "fish soup", "strong coffee", "goat cheese", "plum jam"),
        *("warm milk", "roast potatoes", "honey", "cold tea", "pears and nuts", "bean stew"),
    ),
    "time": (
        *("in the morning", "after the war", "in late summer", "on market days", "before dark"),
        *("in the spring", "during the winter", "at the end of the week", "for many years"),
        *("on a rainy afternoon", "when the snow is gone", "early in the year", "at noon"),
    ),
    "number": ("two", "three", "four", "five", "six", "seven", "ten", "twelve", "twenty", "thirty"),
    "year": tuple(str(year) for year in range(1790, 1996, 7)),
    "verb_past": (
        *("found", "built", "painted", "sold", "repaired", "lost", "carried", "moved", "kept"),
        *("bought", "drew", "opened", "cleaned", "measured", "hid", "borrowed", "finished"),
    ),
    "weather": ("rain", "fog", "wind", "snow", "sunshine", "frost", "a light breeze", "thunder"),
    "sound": ("music", "laughter", "birdsong", "the sea", "the wind", "footsteps", "a slow bell"),
}

TOWNS = (
    *("Maren", "Oldbrook", "Sankt Vell", "Hartsea", "Lindow", "Brackwater", "Tarrow", "Elmstead"),
    *("Corvale", "Pinhurst", "Westmere", "Aldersund", "Quillby", "Fenwick", "Norhaven", "Dunmarsh"),
)

ENGLISH = (
    "The {adjective} {place} of {town} was built in {year}, and it is still used by the {people} who live near it.",
    "Most of the {people} come here {time}, when the light is good and there is not much {weather}.",
    "It was the {person} who first {verb_past} the {thing}, and nobody in the town knew what to do with it.",
    "If you have only a day, you should start at the {place} and then walk down to the {place} by the river.",
    "There are {number} ways to get to the {place}, but the one along the {adjective} road is the best of them.",
    "My grandmother told me that in {year} the whole street was full of {sound} and the smell of {food}.",
    "We sat there with some {food} and talked about what the {person} had said to us.",
    "Some say that the {thing} came from {town}, while others think that it was made by a {person} from the north.",
    "In those days a {person} had to work for {number} weeks before he could buy a {thing}.",
    "You can see the {thing} from the window of the {place}, but only {time}.",
    "I asked the {person} why it had been closed for so long, and she only smiled at me.",
    "The {people} of {town} have a saying about {weather}, and it is not a kind one.",
    "At first we did not believe it, but then we were shown the {thing} and the letter that came with it.",
    "A {adjective} path goes from the {place} up to the hill, where you can rest for a while.",
    "They {verb_past} the {thing} again in {year}, and this time it was done with more care.",
    "What makes this {place} so {adjective} is not its size but the way in which it was planned.",
    "On the second day there was {weather}, so we stayed inside and looked at the {thing}.",
    "Every {place} in this part of the country has a {thing} like that, though few are as {adjective} as ours.",
    "The rooms are {adjective} and clean, and from each of them you hear {sound}.",
    "He had {verb_past} more than {number} of them before anyone asked him about the price.",
    "For lunch there is {food}, which you may share with the {people} at the next table.",
    "It would be wrong to think that nothing has changed in {town} since then.",
    "The {person} who looks after the {place} has a key to the door, and she will let you in if you ask.",
    "After {number} years of work, the {people} could at last use the {place} as they had wanted to.",
    "Nobody is sure how the {thing} got there, and the books in the {place} do not tell us.",
    "When I was young, we used to swim near the {place} until our mothers called us home.",
    "The {adjective} days of autumn are the time when the {people} gather what they have grown.",
    "She wrote down all that she saw, and her notes were {verb_past} by a {person} from {town}.",
    "Do not forget to take a coat with you, because there can be {weather} even {time}.",
    "The town gave the {place} a new roof, for the old one had been damaged by {weather}.",
    "Inside it is dark and cool, and you need a moment before you can see the {thing}.",
    "They had a plan to move the {place} to the other side of the road, but it was too {adjective} for that.",
    "Of all the things that we {verb_past} on that trip, the {thing} is the one that I like most.",
    "The two brothers who own the {place} make {food} the way their father did it.",
    "Around the corner is a {place} that most {people} walk past without a look.",
    "There is a small fee, which goes to the {people} who keep the {place} in order.",
    "As far as we know, the first {person} to live here came with {number} sheep and a {thing}.",
    "On clear nights you can see as far as {town}, and sometimes you can even hear {sound}.",
    "It took the {people} {number} months to clear the ground, and then the building began.",
    "That year the {place} was full, so we slept in a {adjective} house at the edge of the village.",
    "The old maps show a {place} where there is now only grass and a {thing}.",
    "Many of our readers have asked how the {person} is, and we can say that he is well.",
    "In the end it was the {people} who saved the {place}, not the town and not the state.",
    "With a bit of luck you will meet the {person}, who knows more about it than anyone.",
    "The floor was made of {adjective} stone, and it had been worn by the feet of so many {people}.",
    "There was a time when {food} was sold here by the pound, and the line went around the block.",
    "What we do know is that the {thing} was {verb_past} in {year} and then given to the {place}.",
    "Few people have been inside since {year}, and those who have do not talk about it much.",
    "A {person} from {town} lent us his boat, and with it we went out to look at the {place}.",
    "You will find it behind the {place}, next to the {adjective} tree with the {thing}.",
    "The best part of it is the walk home, with {weather} in the air and {sound} behind you.",
    "All through the winter the {people} met there once a week to read and to mend what was broken.",
    "Since then it has had {number} owners, and each of them has left something of his own.",
    "If the door is shut, go round to the back and ask for the {person}.",
    "This is how it came to be that a {place} in {town} has a {thing} on its roof.",
    "We had been told to expect {weather}, but what we got was the most {adjective} day of the year.",
    "The {person} laughed and said that his own {thing} was twice as old.",
    "It is a good thing to have a place like this, where {people} of all ages can be together.",
    "By the time we left, the {people} were already on their way to the {place}.",
    "From there it is only {number} minutes on foot to the {place}, and the way is {adjective}.",
)

OPENINGS = (
    "We went to {town} to see the {place} that so many of you have written about.",
    "There is more to the {place} in {town} than most visitors will ever know.",
    "It has been {number} years since I was last in {town}, and much of it is new to me.",
    "Anyone who comes to {town} for the first time should ask for the way to the {place}.",
    "This is the story of a {place}, a {person} and a {thing} that would not stay where it was.",
    "Last month the {people} of {town} asked us to write about their {place}, and here is what we found.",
)

TITLES = (
    *("The {adjective} {place} of {town}", "A day at the {place} in {town}", "Who built the {place}?"),
    *("{town} and its {place}", "How the {person} found a {thing}", "A walk from the {place} to the {place}"),
    *("What the {person} of {town} told us", "Notes on a {adjective} {place}"),
)

NOTICES = (
    "This story was first printed in our paper, and we thank all those who helped us to write it down.",
    "We are a small group of friends who write about the places that we like, and we do not take money for it.",
    "If you find a mistake in this text, please write to us, and we will put it right as soon as we can.",
    "Our winter meeting will be held in the hall by the river, and you are all welcome to join us there.",
)

FRENCH = (
    "Le vieux {fr_place} de la ville a été construit il y a plus de cent ans par les gens du village.",
    "Nous avons marché le long de la rivière avant de trouver le {fr_place} que l'on nous avait décrit.",
    "Il n'y avait presque personne, et le {fr_person} nous a dit que c'était toujours ainsi en hiver.",
    "Quand j'étais enfant, ma grand-mère m'emmenait souvent au {fr_place} pour acheter du pain et du fromage.",
    "On peut y voir une très belle fenêtre qui a été réparée après la guerre.",
    "Les habitants sont fiers de leur {fr_place}, et ils ont bien raison de l'être.",
    "Le {fr_person} nous a montré une lettre que son père avait reçue d'un ami.",
    "Si vous avez le temps, il faut aussi monter jusqu'à la tour pour regarder la mer.",
    "À midi, tout le monde se retrouve autour d'une grande table pour manger ensemble.",
    "C'est une histoire simple, mais elle nous a beaucoup plu et nous voulions la raconter.",
)

GERMAN = (
    "Der alte {de_place} wurde vor mehr als hundert Jahren von den Leuten aus dem Dorf gebaut.",
    "Wir gingen lange am Fluss entlang, bis wir den {de_place} fanden, von dem man uns erzählt hatte.",
    "Es war fast niemand dort, und der {de_person} sagte uns, dass es im Winter immer so ist.",
    "Als ich ein Kind war, nahm mich meine Großmutter oft mit, um dort Brot und Käse zu kaufen.",
    "Man sieht dort ein sehr schönes Fenster, das nach dem Krieg erneuert worden ist.",
    "Die Menschen hier sind stolz auf ihren {de_place}, und das mit gutem Grund.",
    "Der {de_person} zeigte uns einen Brief, den sein Vater von einem Freund bekommen hatte.",
    "Wer noch Zeit hat, sollte auch auf den Turm steigen und über das Meer schauen.",
    "Am Mittag treffen sich alle an einem großen Tisch, um zusammen zu essen.",
    "Es ist eine einfache Geschichte, aber sie hat uns gefallen und wir wollten sie erzählen.",
)

FOREIGN_SLOTS: dict[str, tuple[str, ...]] = {
    "fr_place": ("marché", "musée", "jardin", "pont", "moulin", "théâtre", "phare", "château"),
    "fr_person": ("boulanger", "médecin", "peintre", "capitaine", "jardinier", "voisin", "maire"),
    "de_place": ("Markt", "Garten", "Hafen", "Bahnhof", "Speicher", "Brunnen", "Leuchtturm"),
    "de_person": ("Bäcker", "Arzt", "Maler", "Kapitän", "Gärtner", "Nachbar", "Bürgermeister"),
}
