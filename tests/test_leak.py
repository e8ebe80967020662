import numpy as np

from labeling import leak


def test_report_tells_a_leak_from_learning() -> None:
    """Each part has its own texture and the dent shows in nothing: by file the texture gives it away."""
    rng = np.random.default_rng(0)
    pictures, label, photos, groups = [], [], [], []
    for part in range(12):
        texture = rng.normal(0, 30, (64, 64))
        for photo in range(5):
            for _ in range(2):
                noisy = 128 + texture + rng.normal(0, 5, (64, 64))
                pictures.append(np.repeat(np.clip(noisy, 0, 255).astype(np.uint8)[..., None], 3, axis=2))
                label.append(part % 2)
                photos.append(f"{part}-{photo}")
                groups.append(f"{part}")
    truth = np.array(label, np.int8)
    claims = leak.claims(np.array(pictures), truth, photos, groups, np.random.default_rng(1))
    assert claims is not None

    def auc(score: np.ndarray) -> float:
        return float(np.mean(score[truth == 1][:, None] > score[truth == 0]))

    assert auc(claims.by_file) > 0.95
    assert auc(claims.by_group) < 0.8


def test_too_little_to_judge_gives_no_claim() -> None:
    pictures = np.zeros((4, 64, 64, 3), np.uint8)
    label = np.array([1, 1, 0, 0], np.int8)
    rng = np.random.default_rng(0)
    assert leak.claims(pictures, label, ["a", "b", "c", "d"], ["A", "A", "B", "C"], rng) is None


def test_hog_sees_the_direction_of_an_edge() -> None:
    step = np.zeros((2, 64, 64, 3), np.uint8)
    step[0, :, 32:] = 200
    step[1, 32:, :] = 200
    upright, level = leak.hog(step).reshape(2, 7, 7, 4, 9).sum(axis=(1, 2, 3))
    assert upright.argmax() in (0, 8)  # a gradient along x lies between the first bin and the last
    assert level.argmax() == 4
