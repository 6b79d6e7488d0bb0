"""The kind of device behind Spotify's free text "platform", of which nothing else is kept."""

from __future__ import annotations

from functools import cache

from music_producer.importing.listen import Device

# The first that occurs in the text decides, so the special ones come before the general ones.
_SIGNS: tuple[tuple[str, str, str], ...] = (
    ("carthing", "car", "embedded"),
    ("android_auto", "car", "android"),
    ("tesla", "car", "embedded"),
    ("playstation", "console", "embedded"),
    ("ps3", "console", "embedded"),
    ("ps4", "console", "embedded"),
    ("ps5", "console", "embedded"),
    ("xbox", "console", "embedded"),
    ("watch", "wearable", "embedded"),
    ("garmin", "wearable", "embedded"),
    ("fitbit", "wearable", "embedded"),
    ("android_tv", "tv", "android"),
    ("android tv", "tv", "android"),
    ("cast_tv", "tv", "embedded"),
    ("chromecast", "tv", "embedded"),
    ("webos_tv", "tv", "embedded"),
    ("tizen", "tv", "embedded"),
    ("roku", "tv", "embedded"),
    ("apple_tv", "tv", "embedded"),
    ("tv", "tv", "embedded"),
    ("google_home", "speaker", "embedded"),
    ("cast_audio", "speaker", "embedded"),
    ("cast", "speaker", "embedded"),
    ("sonos", "speaker", "embedded"),
    ("amazon_", "speaker", "embedded"),
    ("echo", "speaker", "embedded"),
    ("speaker", "speaker", "embedded"),
    ("web", "desktop", "web"),
    ("ipad", "tablet", "ios"),
    ("ios", "phone", "ios"),
    ("android-tablet", "tablet", "android"),
    ("android", "phone", "android"),
    ("windows phone", "phone", "windows"),
    ("windows", "desktop", "windows"),
    ("os x", "desktop", "macos"),
    ("osx", "desktop", "macos"),
    ("macos", "desktop", "macos"),
    ("linux", "desktop", "linux"),
    ("partner", "speaker", "embedded"),
)


@cache
def device_of(platform: str | None) -> Device:
    """Return the device that a platform such as "iOS 13.4 (iPhone11,8)" speaks of."""
    text = (platform or "").lower()
    return next((Device(kind, system) for sign, kind, system in _SIGNS if sign in text), Device())
