"""The story of a month, played once: alarm, feedback, a proposal, another champion, fewer escapes."""

from pathlib import Path

import pytest

from benchmarks import story


@pytest.mark.slow
def test_a_lamp_ages_and_a_better_model_takes_over(tmp_path: Path) -> None:
    told = story.play(tmp_path / "panels")
    assert told.first_alarm_day is not None and story.AGES_FROM < told.first_alarm_day <= story.RETRAINED_ON
    assert told.false_alarms == 0
    assert told.gains[0]["challenger"] > told.gains[0]["champion"] and told.champions[0] != told.champions[1]
    assert told.escape_rate["aged"] > told.escape_rate["before"], "the aged lamp hides dents"
    assert told.escape_rate["after"] < told.escape_rate["aged"], "and the model that was taught finds them again"
    assert Path(told.dashboard).is_file()
