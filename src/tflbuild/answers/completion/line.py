"""The line that is being typed, up to the cursor."""

from __future__ import annotations

from dataclasses import dataclass

from tflbuild.core.flags import FLAGS, Flag


@dataclass(frozen=True)
class Line:
    """A line up to the cursor.

    Attributes:
        words: complete words behind `tflbuild`, unquoted.
        word: what has been typed of the last one, unquoted.
    """

    words: tuple[str, ...]
    word: str

    @classmethod
    def of(cls, text: str) -> Line:
        """Read what was typed, as far as it goes: quotes may be open."""
        words, word, quote, escaped = [], "", "", False
        for letter in text:
            if escaped or (quote and letter != quote and not (letter == "\\" and quote == '"')):
                word, escaped = word + letter, False
            elif letter == "\\":
                escaped = True
            elif letter in "'\"":
                quote = "" if quote else letter
            elif letter.isspace():
                words += [word] if word else []
                word = ""
            else:
                word += letter
        return cls(tuple(words[1:]), word)

    @property
    def command(self) -> str:
        """Give the command, "" where none has been typed."""
        plain = self._plain
        first = plain[0] if plain else ""
        return "" if "=" in first or first.startswith(("+", "~")) else first

    @property
    def overrides(self) -> list[str]:
        """Give the complete KEY=VALUE."""
        return [word for word in self._plain if "=" in word or word.startswith("~")]

    @property
    def flag(self) -> Flag | None:
        """Give the flag whose value is being typed."""
        last = self.words[-1] if self.words else ""
        flag = next((flag for flag in FLAGS if last in flag.names), None)
        return flag if flag and flag.value else None

    @property
    def sweeps(self) -> bool:
        """Say whether it is a sweep."""
        return any(word in ("-m", "--multirun") for word in self.words)

    @property
    def _plain(self) -> list[str]:
        """Give the words that are neither flags nor their values."""
        taking = {name for flag in FLAGS if flag.value for name in flag.names}
        before = ("", *self.words)
        return [
            word
            for previous, word in zip(before, self.words, strict=False)
            if not word.startswith("-") and previous not in taking
        ]
