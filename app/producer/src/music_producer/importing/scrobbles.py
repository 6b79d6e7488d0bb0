"""What Last.fm and ListenBrainz record: that a song was begun, not for how long it was heard."""

from __future__ import annotations

from music_contract.rules import MAX_MS_PLAYED

from music_producer.importing import values
from music_producer.importing.listen import DEFAULT_LENGTH_MS, Listen


def scrobble(
    *,
    started_ms: int,
    is_second_known: bool,
    artist: str,
    title: str,
    album: str | None,
    length_ms: int | None = None,
    ms_played: int | None = None,
    track_number: int | None = None,
    now_ms: int,
) -> Listen:
    """Make a listen of a scrobble.

    A service counts one when half the song or four minutes were heard, and tells no more. Without a measured
    `ms_played` the song counts as heard to its end, three and a half minutes where its length is not told;
    that follows from the entry alone, so that two exports of one listen agree.
    """
    length = length_ms if length_ms and 0 < length_ms <= MAX_MS_PLAYED else None
    assumed = length or DEFAULT_LENGTH_MS
    heard = assumed if ms_played is None else ms_played
    # One that has just begun ends now at the latest.
    ended = min(values.until_now(started_ms, now_ms) + heard, max(now_ms, started_ms))
    return Listen(
        ended_at_ms=ended,
        ms_played=heard if ms_played is not None else ended - started_ms,
        artist=artist,
        title=title,
        album=album,
        identity=("scrobble",),
        identity_ms=started_ms - started_ms % 60_000,
        precise_ms=started_ms if is_second_known else None,
        length_ms=length,
        is_played_known=ms_played is not None,
        track_number=track_number,
    )
