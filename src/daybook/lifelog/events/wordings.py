"""The words for what was measured, in the languages that Daybook itself speaks."""

from dataclasses import dataclass

from daybook.lifelog.script import script_of_language

MINUTE, HOUR = 60, 3600


@dataclass(frozen=True, slots=True)
class Wording:
    """A language's words."""

    film: str
    """`{length}` of film, and what is said of it in `{parts}`."""
    film_alone: str
    joined: str
    seconds: str
    minutes: str
    hours: str
    much_motion: str
    some_motion: str
    still: str
    dark: str
    bright: str
    silent: str
    sound: str
    loud: str
    label_joint: str
    """Between labels, such as actions, that are written one after the other."""
    sentence_joint: str

    def sentence(self, duration: float, parts: list[str]) -> str:
        """What is said of a stretch of `duration` seconds."""
        length = self.length(duration)
        if not parts:
            return self.film_alone.format(length=length)
        return self.film.format(length=length, parts=self.joined.join(parts))

    def length(self, duration: float) -> str:
        """A length of time in its two largest units."""
        seconds = max(1, round(duration))
        if seconds >= HOUR:
            return self.hours.format(hours=seconds // HOUR, minutes=seconds % HOUR // MINUTE)
        if seconds >= MINUTE:
            return self.minutes.format(minutes=seconds // MINUTE, seconds=seconds % MINUTE)
        return self.seconds.format(seconds=seconds)


ENGLISH = Wording(
    film="Film of {length}: {parts}.",
    film_alone="Film of {length}.",
    joined=", ",
    seconds="{seconds} s",
    minutes="{minutes} min {seconds} s",
    hours="{hours} h {minutes} min",
    much_motion="much movement",
    some_motion="some movement",
    still="hardly any movement",
    dark="dark",
    bright="bright",
    silent="silent",
    sound="with sound",
    loud="loud",
    label_joint="; ",
    sentence_joint=" ",
)
TRADITIONAL = Wording(
    film="{length}的影片：{parts}。",
    film_alone="{length}的影片。",
    joined="，",
    seconds="{seconds} 秒",
    minutes="{minutes} 分 {seconds} 秒",
    hours="{hours} 小時 {minutes} 分",
    much_motion="動作很多",
    some_motion="有些動作",
    still="幾乎沒有動作",
    dark="畫面昏暗",
    bright="畫面明亮",
    silent="沒有聲音",
    sound="有聲音",
    loud="聲音很大",
    label_joint="、",
    sentence_joint="",
)
SIMPLIFIED = Wording(
    film="{length}的影片：{parts}。",
    film_alone="{length}的影片。",
    joined="，",
    seconds="{seconds} 秒",
    minutes="{minutes} 分 {seconds} 秒",
    hours="{hours} 小时 {minutes} 分",
    much_motion="动作很多",
    some_motion="有些动作",
    still="几乎没有动作",
    dark="画面昏暗",
    bright="画面明亮",
    silent="没有声音",
    sound="有声音",
    loud="声音很大",
    label_joint="、",
    sentence_joint="",
)


def wording(language: str | None) -> Wording:
    """The words for a language tag; English for every language that is not here."""
    match script_of_language(language or ""):
        case "Hant":
            return TRADITIONAL
        case "Hans":
            return SIMPLIFIED
        case None:
            return ENGLISH
