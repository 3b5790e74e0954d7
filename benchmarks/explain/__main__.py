"""Do the words by occlusion agree with evaluate's integrated gradients, and how long do they take?

    python -m benchmarks.explain    # after dvc repro; writes benchmarks/explain/results.json, ten minutes on two cores

TEXTS test texts, the first of those with FEWEST words or more. Occlusion is that of the int8 model, without torch;
integrated gradients are those of the fp32 model in models/train, of the predicted label against the likeliest other
one, summed by word. Both weigh the same words. Beside it, occlusion by the fp32 model, which shows what int8 changes,
each half of the weights alone, and padding in place of a word. Seconds are those of a text of 200 words, the model
loaded.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from scipy.stats import spearmanr
from transformers import AutoModelForSequenceClassification, PreTrainedModel

from stages.evaluate.influence import attributions
from strata.base import tables
from strata.base.cores import cores
from strata.runtime.explain import Occlusions, explain, log_odds, occlusions
from strata.runtime.predictor import FP32, Predictor

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TEXTS, FEWEST = 100, 8
WORDS = 200  # of the text that is timed
STEPS = 16  # as in evaluate
REPEATS = 5


def test_texts(project: Path) -> list[str]:
    """Return the texts that are explained."""
    rows = tables.read(project / "data/split/test.parquet").sort_values("id")
    return [text for text in rows["text"] if len(text.split()) >= FEWEST][:TEXTS]


def gradients(model: PreTrainedModel, predictor: Predictor, made: Occlusions, label: int, other: int) -> np.ndarray:
    """Return the integrated gradients of each word: (words,). Explained: the logit of `label` minus that of `other`."""
    ids = torch.tensor([made.input_ids[0]])
    is_special = torch.tensor(predictor.tokens.encoding(made.text).special_tokens_mask, dtype=torch.bool)
    baseline = torch.where(is_special[None], ids, model.config.pad_token_id)
    target = torch.zeros(1, model.config.num_labels)
    target[0, label], target[0, other] = 1, -1
    values = attributions(model, ids, torch.ones_like(ids), baseline, target, STEPS)[0].numpy()
    return np.array([values[list(span.tokens)].sum() for span in made.spans])


def weights(predictor: Predictor, made: Occlusions, label: int) -> dict[str, np.ndarray]:
    """Return the weights of the words, (words,), by how they are found: without each, each alone, and by both."""
    whole, nothing, *others = log_odds(predictor.classifier.logits(made.input_ids), label)
    without, alone = np.split(np.array(others), 2)
    return {"both": (whole - without + alone - nothing) / 2, "without": whole - without, "alone": alone - nothing}


def padded(predictor: Predictor, made: Occlusions, label: int, padding: int) -> np.ndarray:
    """Return what the label loses where each word is replaced by padding, as integrated gradients have it: (words,)."""
    ids = made.input_ids[0]
    rows = [[padding if i in span.tokens else token for i, token in enumerate(ids)] for span in made.spans]
    odds = log_odds(predictor.classifier.logits([ids, *rows]), label)
    return odds[0] - odds[1:]


def agreement(ours: list[np.ndarray], theirs: list[np.ndarray]) -> dict[str, float]:
    """Return how two weightings of the same words agree, as means over the texts. ours, theirs: (words,) a text.

    rank_correlation: Spearman's, from -1 to 1. top_word: share of texts with the same heaviest word. top_three: share
    of the three heaviest words that both have.
    """
    pairs = list(zip(ours, theirs, strict=True))
    heaviest = [[set(np.argsort(-np.abs(values))[:3].tolist()) for values in pair] for pair in pairs]
    first = [np.abs(a).argmax() == np.abs(b).argmax() for a, b in pairs]
    return {
        "rank_correlation": round(float(np.mean([spearmanr(a, b).statistic for a, b in pairs])), 3),
        "top_word": round(float(np.mean(first)), 3),
        "top_three": round(float(np.mean([len(a & b) / 3 for a, b in heaviest])), 3),
    }


def seconds(predictor: Predictor, text: str) -> dict[str, float]:
    """Return the median seconds of an explanation, and those of the cores divided by their number."""
    explain(predictor, text)
    walls, cpus = [], []
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        words = explain(predictor, text)["words"]
        walls.append(time.perf_counter() - wall)
        cpus.append((time.process_time() - cpu) / predictor.classifier.threads)
    return {
        "seconds": round(statistics.median(walls), 3),
        "seconds_of_each_core": round(statistics.median(cpus), 3),
        "spans": len(words),
    }


def weightings(project: Path, int8: Predictor, texts: list[str]) -> dict[str, list[np.ndarray]]:
    """Return the weights of each text's words, by arm."""
    fp32 = Predictor(project / "models/quantize", FP32)
    model = AutoModelForSequenceClassification.from_pretrained(project / "models/train").eval()
    by_arm: dict[str, list[np.ndarray]] = {}
    for text in texts:
        made = occlusions(int8, text)
        other, label = np.argsort(int8.classifier.logits(made.input_ids[:1])[0])[-2:].tolist()
        found = {"gradients": gradients(model, int8, made, label, other)}
        found |= {f"int8_{how}": values for how, values in weights(int8, made, label).items()}
        found |= {f"fp32_{how}": values for how, values in weights(fp32, made, label).items()}
        found["int8_padded"] = padded(int8, made, label, model.config.pad_token_id)
        for arm, values in found.items():
            by_arm.setdefault(arm, []).append(values)
    return by_arm


def measured(project: Path) -> dict:
    """Return all figures."""
    int8, texts = Predictor(project / "models/quantize"), test_texts(project)
    by_arm = weightings(project, int8, texts)
    target = by_arm.pop("gradients")
    return {
        "texts": len(texts),
        "words": sum(map(len, target)),
        "cores": cores(),
        "of_200_words": seconds(int8, " ".join(" ".join(texts).split()[:WORDS])),
        "with_gradients": {arm: agreement(values, target) for arm, values in by_arm.items()},
        "int8_with_fp32": agreement(by_arm["int8_both"], by_arm["fp32_both"]),
    }


def main() -> None:
    """Run everything and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, default=ROOT)
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    args = parser.parse_args()
    results = measured(args.project)
    args.out.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(args.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
