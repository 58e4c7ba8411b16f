"""The page of medfuse_tables.py: its words and its tables."""

from __future__ import annotations

import textwrap

import numpy as np
from common import TO, heading, include_findings, seconds_of, table

from sleepkit.metrics import compare_stagings, staging_scores

METRICS = ("accuracy", "kappa", "f1_macro")
GIVEN = {"all": "EEG+EOG", "eeg": "EEG only", "eog": "EOG only"}
BEST = "coordinated +MS+AL"
DROPOUT = "coordinated +MS+AL, modality dropout"
SHOWN = ("early +MS+AL", "mid-late +MS+AL", BEST, DROPOUT, "coordinated vanilla")
PAIRS = [
    pair
    for fusion in ("early", "mid-late", "coordinated")
    for pair in (
        (f"{fusion} +AL", f"{fusion} vanilla"),
        (f"{fusion} +MS", f"{fusion} vanilla"),
        (f"{fusion} +MS+AL", f"{fusion} +MS"),
    )
] + [
    ("coordinated vanilla", "mid-late vanilla"),
    (BEST, "early +MS+AL"),
    (BEST, "mid-late +MS+AL"),
    (DROPOUT, BEST),
]
BROKEN_PAIRS = [
    ("early +MS+AL", "early vanilla"),
    ("mid-late +MS+AL", "mid-late vanilla"),
    (BEST, "coordinated vanilla"),
    ("early +MS+AL", "mid-late +MS+AL"),
    ("early +MS+AL", BEST),
    (BEST, "mid-late +MS+AL"),
    ("eeg alone", BEST),
    ("eog alone", BEST),
]


class Stagings:
    """Predictions of several results, by net and by the modalities given.

    ``nets`` are their names, in the order that tables have.
    """

    def __init__(self, nets):
        self.nets = nets
        self.found = {}
        self.seconds = 0.0
        self.data = None

    def add(self, result, **names):
        """Take a result, and rename conditions."""
        for net in result.estimators:
            for name in result.conditions:
                self.found[net, names.get(name, name)] = (result, net, name)
        self.seconds += seconds_of(result)
        self.data = self.data or result.protocol["data"]

    def __contains__(self, key):
        return key in self.found

    def get(self, net, condition):
        """True and predicted stages, with fold, subject and night."""
        result, *key = self.found[net, condition]
        table = result.predictions(*key)
        wanted = ("true", "predicted", "fold", "subject", "recording")
        return {name: table[name] for name in wanted}

    def scores(self, net, conditions, nights=None):
        """Scores by split, (n_splits, 3): conditions pooled, of some nights each."""
        tables = [self.get(net, condition) for condition in conditions]
        if nights is not None:
            tables = [
                {k: v[np.isin(t["recording"], nights[c])] for k, v in t.items()}
                for c, t in zip(conditions, tables, strict=True)
            ]
        joined = {k: np.concatenate([t[k] for t in tables]) for k in tables[0]}
        return np.array(
            [
                score(joined, joined["fold"] == fold)
                for fold in np.unique(joined["fold"])
            ]
        )

    def compare(self, first, second):
        """Compare the kappas of two stagings of the same rows, by subject."""
        one, other = self.get(*first), self.get(*second)
        return compare_stagings(
            one["true"],
            one["predicted"],
            other["predicted"],
            one["subject"],
            random_state=0,
        )


def score(found, rows):
    """Accuracy, kappa and macro-F1 of some rows."""
    scores = staging_scores(found["true"][rows], found["predicted"][rows])
    return [scores[name] for name in METRICS]


def mean_sd(values, sign=""):
    """Mean and SD over the splits."""
    return f"{np.mean(values):{sign}.3f} ± {np.std(values, ddof=1):.3f}"


def paragraph(text):
    """Words in lines."""
    return textwrap.fill(" ".join(text.split()), 88, break_on_hyphens=False) + "\n"


def section(title, *parts):
    """A title and what is under it."""
    return "\n".join([heading(title), *parts])


def cells_of(stagings, net, cell):
    """Three scores for each set of modalities; empty where a net lacks them."""
    cells = []
    for given in GIVEN:
        there = (net, given) in stagings
        cells += cell(net, given) if there else [""] * len(METRICS)
    return cells


def table_1(stagings, cell):
    """Scores of each net by the modalities given."""
    titles = ["net"]
    for name in GIVEN.values():
        titles += [f"{name}: accuracy", "kappa", "macro-F1"]
    rows = [[net, *cells_of(stagings, net, cell)] for net in stagings.nets]
    return table(titles, rows)


def differences(difference):
    """Differences of kappa that the paper's claims are about."""
    rows = [
        [f"{one} - {other}", *(difference((one, g), (other, g)) for g in GIVEN)]
        for one, other in PAIRS
    ]
    for given in ("eeg", "eog"):
        cells = {given: difference((BEST, given), (f"{given} alone", given))}
        name = f"{BEST} - {given} alone"
        rows.append([name, *(cells.get(g, "") for g in GIVEN)])
    return table(["difference of kappa", *GIVEN.values()], rows)


def simulated_table_1(found):
    """Table 1, means over splits."""
    stagings, size = found["stagings"], found["size"]

    def cell(net, given):
        return [mean_sd(column) for column in stagings.scores(net, [given]).T]

    def difference(first, second):
        one, other = (stagings.scores(net, [g])[:, 1] for net, g in (first, second))
        return mean_sd(one - other, "+")

    about = f"""
        {size.subjects} simulated subjects with a night of {size.hours} h each: a third
        for testing, the others for training, in {size.passes} passes. Mean ± SD of
        three draws of the test subjects, each with another seed of the nets. *alone*
        are nets trained on one modality. This and the next table took
        {stagings.seconds / 60:.0f} min of one core.
    """
    return section(
        "Table 1, simulated subjects",
        paragraph(about),
        table_1(stagings, cell),
        paragraph("Differences of kappa, paired by draw, mean ± SD:"),
        differences(difference),
    )


def simulated_table_2(found):
    """Table 2, with the broken signal and with the signal masked."""
    stagings, noisy = found["stagings"], found["noisy"]
    counts = ", ".join(f"{len(nights)} {name}" for name, nights in noisy.items())
    scored, draws = scored_nights(stagings, noisy)
    about = f"""
        An electrode fails for a fifth to nine tenths of each night: it is *loose* (the
        recorder clips at 150 uV) or *noisy* (white noise of 120 uV is added). The
        paper's rule, a difference of SD above 41 uV in more than 40 % of the epochs,
        selects of {found["n_nights"]} nights: {counts}. Those of the test subjects of
        one of the draws, which overlap, are staged with both signals, as in the paper:
        {scored}, {min(draws)} to {max(draws)} in a draw. Scores are of all four
        failures pooled.
    """
    rows = []
    for net in stagings.nets:
        columns = stagings.scores(net, list(noisy), noisy).T
        by_modality = broken_kappas(stagings, net, noisy)[1:]
        rows.append([net, *map(mean_sd, [*columns, *by_modality])])
    titles = ["net", "accuracy", "kappa", "macro-F1", "kappa, EEG fails", "EOG fails"]
    judged = [
        (name, rule, f"{hit:.3f}", f"{alarm:.3f}")
        for name, rule, hit, alarm in found["masks"]
    ]
    masking = """
        Beyond the paper, epochs in which a rule detects a broken signal are masked as
        missing: by ``QualityMask`` with its defaults, or by the paper's rule per epoch
        (*difference*: the signal whose SD is more than 41 uV above that of the other).
        Fraction of epochs masked, of all nights, selected or not (*others* includes
        those of the other modality):
    """
    gains = """
        Kappa on the selected nights, EEG and EOG failures pooled, and the gain from
        masking, paired by draw, without fitting again:
    """
    return section(
        "Table 2, noisy simulated nights",
        paragraph(about),
        table(titles, rows),
        paragraph("Differences of kappa, paired by draw, mean ± SD:"),
        broken_differences(stagings, noisy),
        paragraph(masking),
        table(["failure", "rule", "of broken epochs", "of others"], judged),
        paragraph(gains),
        gain_table(stagings, noisy),
    )


def scored_nights(stagings, noisy):
    """How many of the selected nights are ever tested, in words, and in each draw."""
    words, draws = [], []
    for name, nights in noisy.items():
        found = stagings.get(BEST, name)
        rows = np.isin(found["recording"], nights)
        words.append(f"{len(np.unique(found['recording'][rows]))} {name}")
        for fold in np.unique(found["fold"]):
            here = rows & (found["fold"] == fold)
            draws.append(len(np.unique(found["recording"][here])))
    return ", ".join(words), draws


def broken_kappas(stagings, net, noisy):
    """Kappas by draw: of all failures, of those of the EEG, and of the EOG."""
    parts = [[c for c in noisy if c.endswith(end)] for end in ("", "eeg", "eog")]
    return [stagings.scores(net, part, noisy)[:, 1] for part in parts]


def broken_differences(stagings, noisy):
    """Differences of the kappas of Table 2."""
    rows = []
    for one, other in BROKEN_PAIRS:
        pair = (broken_kappas(stagings, net, noisy) for net in (one, other))
        gains = [mean_sd(a - b, "+") for a, b in zip(*pair, strict=True)]
        rows.append([f"{one} - {other}", *gains])
    titles = ["difference of kappa", "all failures", "EEG fails", "EOG fails"]
    return table(titles, rows)


def gain_table(stagings, noisy):
    """Kappa with and without the mask, and the gain."""
    rows = []
    for net in SHOWN:
        for kind in ("loose", "noisy"):
            fed = [f"{kind} {m}" for m in ("eeg", "eog")]
            base = stagings.scores(net, fed, noisy)[:, 1]
            row = [net, kind, mean_sd(base)]
            for rule in ("QualityMask", "difference"):
                named = [f"{name}, {rule}" for name in fed]
                nights = {f"{name}, {rule}": noisy[name] for name in fed}
                kappas = stagings.scores(net, named, nights)[:, 1]
                row += [mean_sd(kappas), mean_sd(kappas - base, "+")]
            rows.append(row)
    titles = ["net", "failure", "fed", "QualityMask", "gain", "difference", "gain"]
    return table(titles, rows)


def incomplete_section(found):
    """Section 4.5."""
    settings = found["kappas"]
    base = next(iter(settings.values()))
    rows = []
    for setting, scores in settings.items():
        row = list(setting)
        for given in GIVEN:
            kappas = np.array([score[given] for score in scores])
            gain = kappas - [score[given] for score in base]
            row += [mean_sd(kappas), "" if scores is base else mean_sd(gain, "+")]
        rows.append(row)
    about = f"""
        {BEST}, trained on some subjects with both signals and on others with only EEG
        or only EOG; the number of steps in each row is that of
        {found["size"].incomplete_passes} passes over all subjects. Kappa, and the
        difference from the first row, paired by draw. Subjects are drawn anew in each
        draw; {found["seconds"] / 60:.0f} min of one core.
    """
    titles = ["both", "only EEG", "only EOG"]
    for name in GIVEN.values():
        titles += [f"{name}: kappa", "gain"]
    return section(
        "Section 4.5, incomplete training data", paragraph(about), table(titles, rows)
    )


def paper_size_section(tried):
    """The smoke test."""
    losses = ", ".join(f"{loss:.2f}" for loss in tried["losses"])
    about = f"""
        The classifier with its defaults (d_model 128, four layers of each transformer,
        feed-forward 1024, dropout .3, sequences of 21 in batches of 16, 29 frames),
        constant learning rate 1e-4: {tried["n_parameters"]:,} parameters,
        steps on one batch of {tried["seconds"]:.1f} s each with {tried["threads"]}
        thread(s), and the loss falls: {losses}.
    """
    return section("A fit at paper size", paragraph(about))


def interval(found):
    """A difference and its interval."""
    low, high = found.interval
    return f"{found.difference:+.3f} ({low:+.3f}{TO}{high:+.3f})"


def real_section(found):
    """Tables 1 and 2 on real nights."""
    stagings, data = found["stagings"], found["stagings"].data

    def pooled(net, given):
        table = stagings.get(net, given)
        return [f"{value:.3f}" for value in score(table, slice(None))]

    about = f"""
        Features of Sleep-EDF Expanded: ten powers of each of two EEG and one EOG
        channel, scaled by night by their publisher; {data["n_epochs"]} epochs,
        {data["n_recordings"]} nights, {data["n_subjects"]} subjects; sleep and 30 min
        around it. Three folds by subject, {found["size"].real_passes} passes, one seed;
        {stagings.seconds / 60:.0f} min of one core. Scores of all epochs pooled.
    """
    broken = """
        Features of one modality over half of each night, anywhere, are replaced by
        noise of SD 1, multiplied by 10, or stuck at those of the first epoch. They are
        used unchanged, or masked as missing where they are broken. Pooled kappa, and
        the gain from masking:
    """
    words = "Differences of pooled kappa, 95 % interval by a bootstrap over subjects:"
    return section(
        "Real nights",
        paragraph(about),
        table_1(stagings, pooled),
        paragraph(words),
        differences(lambda *pair: interval(stagings.compare(*pair))),
        paragraph(broken),
        real_gain_table(stagings, pooled),
    )


def real_gain_table(stagings, pooled):
    """Kappa with and without the mask, and the gain."""
    rows = []
    for net in SHOWN:
        for modality in ("eeg", "eog"):
            masked = f"masked {modality}"
            for kind in ("noise", "x 10", "stuck"):
                fed = f"{kind} {modality}"
                kappas = [pooled(net, name)[1] for name in (fed, masked)]
                gain = interval(stagings.compare((net, masked), (net, fed)))
                rows.append([net, fed, *kappas, gain])
    return table(["net", "failure", "fed", "masked", "gain"], rows)


def write_page(folder, found):
    """Write the page; its findings are in a separate file."""
    title = "The tables of MedFuseSleep, in small"
    about = """
        Fusion (early, mid-late, and the paper's coordinated one), losses (cross-entropy
        alone, with the alignment loss AL, with multi-view supervision MS, with both),
        and the modalities given in prediction, on simulated subjects and on features of
        real nights. The nets are small (d_model 32, one layer of each transformer,
        feed-forward 128, heads of 64, 15 frames an epoch) and their training is short:
        these scores compare the parts of the method in this library, and are not those
        of the paper's system. Each net is fitted once, and predicts from both
        modalities and from one. If the unimodal head was not trained (without MS), the
        fused head predicts from the modality that is left. Sequences do not overlap in
        prediction. Made by
        ``python benchmarks/medfuse_tables.py --out docs/results``.
    """
    page = folder / "medfusesleep_tables.rst"
    parts = [heading(title, "="), paragraph(about), include_findings(page)]
    for name, sections in SECTIONS.items():
        if found.get(name) is not None:
            parts += [write(found[name]) for write in sections]
    page.write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")


SECTIONS = {
    "simulated": (simulated_table_1, simulated_table_2),
    "incomplete": (incomplete_section,),
    "paper_size": (paper_size_section,),
    "real": (real_section,),
}
