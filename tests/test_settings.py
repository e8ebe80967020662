from pathlib import Path

import pytest

from dentline.errors import DentlineError
from deployment import settings
from deployment.settings import Settings


def test_written_settings_read_back_the_same() -> None:
    changed = Settings(
        project=Path("/p"), port=0, durability="full", wait_s=0.5, formats=("jpeg", "webp"), image_url_hosts=("a", "b")
    )
    assert settings.read(settings.write(changed)) == changed
    assert settings.read(settings.write(Settings())) == Settings()
    assert settings.read({}) == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "many"), ("WORKERS", "0"), ("WAIT_S", "nan"), ("DURABILITY", "some"), ("FORMATS", "jpeg,gif")],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(DentlineError, match=f"DENTLINE_{name}"):
        settings.read({f"DENTLINE_{name}": value})


def test_limits_follow() -> None:
    limits = settings.read({"DENTLINE_FORMATS": "jpeg,bmp", "DENTLINE_MAX_PIXELS": "99"}).limits
    assert (limits.formats, limits.max_pixels) == (frozenset({"jpeg", "bmp"}), 99)
