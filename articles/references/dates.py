"""CSL dates as Vancouver style writes them: "2002 Jul 25", "2002 Nov-Dec", "2001 Sep 13-15"."""

from .csl import Csl, text_of

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
YEAR_MONTH_DAY = 3


def format_date(csl: Csl, field: str = "issued") -> str:
    """Return the date in ``field`` as far as it is known, or an empty string."""
    value = csl.get(field)
    if not isinstance(value, dict):
        return ""
    parts = value.get("date-parts")
    days = [_words(day) for day in parts[:2]] if isinstance(parts, list) else []
    first = days[0] if days else []
    last = days[1] if len(days) > 1 else []
    # Of the second date only what is new: the day, or the month and the day.
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    text = " ".join(first)
    if rest := " ".join(last[same:]):
        text = f"{text}-{rest}"
    if season := text_of(value, "season"):
        text = f"{text} {season}".strip()
    return text or text_of(value, "literal")


def _words(day: object) -> list[str]:
    """Return [2002, 7, 25] as words; what is no date ends the list."""
    if not isinstance(day, list):
        return []
    numbers = [int(part) for part in day[:YEAR_MONTH_DAY] if str(part).isdecimal()]
    words = [str(number) for number in numbers]
    if len(numbers) > 1:
        if not 1 <= numbers[1] <= len(MONTHS):
            return words[:1]
        words[1] = MONTHS[numbers[1] - 1]
    return words
