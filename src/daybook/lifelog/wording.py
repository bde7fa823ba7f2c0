"""Words for measured facts, in the languages of Daybook's own pages."""

from dataclasses import dataclass

from daybook.lifelog.script import script_of_language

MINUTE, HOUR = 60, 3600


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of one language."""

    video: str
    """`{length}` of video, with its facts in `{parts}`."""
    video_alone: str
    joined: str
    seconds: str
    minutes: str
    minutes_and_seconds: str
    hours: str
    hours_and_minutes: str
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
    recording: str
    """An undescribed recording of `{length}`, on a diary page."""
    recording_alone: str
    list_joint: str
    brackets: str
    stop: str
    hours_to_the_minute: str

    def sentence(self, duration: float, parts: list[str]) -> str:
        """Return the sentence for a segment of `duration` seconds."""
        length = self.length(duration)
        if not parts:
            return self.video_alone.format(length=length)
        return self.video.format(length=length, parts=self.joined.join(parts))

    def length(self, duration: float) -> str:
        """A length of time in its two largest units, without a second unit of zero."""
        seconds = max(1, round(duration))
        if seconds >= HOUR:
            hours, rest = divmod(seconds // MINUTE, 60)
            return (self.hours_and_minutes if rest else self.hours).format(hours, rest)
        if seconds >= MINUTE:
            minutes, rest = divmod(seconds, MINUTE)
            return (self.minutes_and_seconds if rest else self.minutes).format(minutes, rest)
        return self.seconds.format(seconds)

    def length_to_the_minute(self, duration: float) -> str:
        """A length of time to the second below a minute, and to the minute above."""
        if duration < 59.5:  # noqa: PLR2004  (59.5 rounds to a minute)
            return self.seconds.format(max(round(duration), 1))
        minutes = round(duration / MINUTE)
        return (
            self.minutes.format(minutes)
            if minutes < 60  # noqa: PLR2004  (an hour)
            else self.hours_to_the_minute.format(*divmod(minutes, 60))
        )


ENGLISH = Wording(
    video="Video of {length}: {parts}.",
    video_alone="Video of {length}.",
    joined=", ",
    seconds="{} s",
    minutes="{} min",
    minutes_and_seconds="{} min {} s",
    hours="{} h",
    hours_and_minutes="{} h {} min",
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
    recording="a recording of {length}, not described yet",
    recording_alone="a recording, not described yet",
    list_joint=", ",
    brackets=" ({})",
    stop=".",
    hours_to_the_minute="{} h {} min",
)
TRADITIONAL = Wording(
    video="{length}的影片：{parts}。",
    video_alone="{length}的影片。",
    joined="，",
    seconds="{} 秒",
    minutes="{} 分鐘",
    minutes_and_seconds="{} 分 {} 秒",
    hours="{} 小時",
    hours_and_minutes="{} 小時 {} 分",
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
    recording="一段 {length}的影片，還沒有描述",
    recording_alone="一段影片，還沒有描述",
    list_joint="、",
    brackets="（{}）",
    stop="。",
    hours_to_the_minute="{} 小時 {} 分鐘",
)
SIMPLIFIED = Wording(
    video="{length}的影片：{parts}。",
    video_alone="{length}的影片。",
    joined="，",
    seconds="{} 秒",
    minutes="{} 分钟",
    minutes_and_seconds="{} 分 {} 秒",
    hours="{} 小时",
    hours_and_minutes="{} 小时 {} 分",
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
    recording="一段 {length}的影片，还没有描述",
    recording_alone="一段影片，还没有描述",
    list_joint="、",
    brackets="（{}）",
    stop="。",
    hours_to_the_minute="{} 小时 {} 分钟",
)


def wording(language: str | None) -> Wording:
    """Return the words for a language tag; English for a language without its own."""
    match script_of_language(language or ""):
        case "Hant":
            return TRADITIONAL
        case "Hans":
            return SIMPLIFIED
        case None:
            return ENGLISH
