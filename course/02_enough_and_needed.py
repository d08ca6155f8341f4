# %% [markdown]
# # 2 · Enough and needed
#
# A patch can be made in two directions. **Denoising** puts an activation of the clean run into the corrupted run, and
# asks whether it is **enough** to bring the answer back. **Noising** puts an activation of the corrupted run into the
# clean run, and asks whether it is **needed**. In lecture 1 one head went about equally far in both directions. That
# looks like one question asked twice. **Can a part be needed and not enough? Can it be enough and not needed?**
#
# In this lecture you will patch tasks of which we know the truth, read which logical gate they are, and then look for
# the same patterns among heads, where it is not known beforehand. It takes 60 minutes.

# %% [markdown] tags=["instructor"]
# > **For the instructor.** 15 minutes for the sum and the table, 10 for two cues, 10 for the four runs, 15 for heads (5
# > of them for "Needed and not enough"), 10 for odd and even. Ask for a show of hands at each prediction. What goes
# > wrong most often: people read the *recovery* in noise, which is 1 where nothing was lost, in place of the *share*;
# > and they take "not needed" for "does nothing". Exercise 2 is the hardest one: let people draw the four runs on paper
# > first. If time is short, leave out "Needed and not enough".

# %%
import patchwidgets as pw

model = pw.load()
check = pw.course.EnoughAndNeeded
model

# %% [markdown]
# The model is small, with 4 layers of 4 heads each, and was trained on sums, names, repeated words and a few other
# tasks. It computes everything here in seconds.
#
# ## A sum
#
# The first task: sums of two numbers. In the corrupted prompt **both** numbers are replaced by others.

# %%
addition = pw.tasks.addition(20, varies="both")
sums = pw.Experiment(model, addition, metric=["answer_prob", "logit_diff"])
pair = addition[0]
print(
    f"clean {pair.clean}{pair.answer}   corrupted {pair.corrupted}{pair.foil}   pairs: {len(addition)}"
)
print(
    f"probability of the clean sum: {sums.clean.value:.3f} clean, {sums.corrupted.value:.3f} corrupted"
)

# %% [markdown]
# The metric is the probability of the clean answer. The prompts enter the model as embeddings, `embed@a` for the first
# number and `embed@b` for the second.
#
# **Predict.** Four numbers from 0 to 1; write them down.
#
# | | enough: how much comes back in the corrupted run | needed: how much is lost in the clean run |
# |---|---|---|
# | `embed@a` alone | | |
# | `embed@b` alone | | |
#
# ## A table that fills as you click
#
# The first patch is made. The prompt shown is that of the first pair; the numbers are means over all 20, and in the
# widget the tokens on the right are too (`.` shows one pair, `M` the mean again). The picture that stays here without
# the widget shows the tokens of the first pair. The percentages in the boxes say how far each activation itself has
# moved towards the clean run at the last token, not the answer: much inside can move while the answer does not come
# back, and then the sentence above the lanes says that the patch "changes little" of the difference. **Read the
# sentence in the widget, then fill the table below:** press `/`, type `embed@b`, and Enter; then `/` and `embed@a +
# embed@b`; then `N`, which turns the direction round, and the same three again. Run the cell with the table as often as
# you like.

# %%
w = sums.explore("embed@a")
w

# %%
check(sums).table(w, "embed@a", "embed@b")

# %% [markdown]
# What does the model say in the patched runs? Here are the first pair's, `33+62=` and `65+51=`:

# %%
for site in ["embed@a", "embed@b"]:
    says = sums.patch(site).run.top_tokens(1, pair=0)[0]
    print(f"{site} clean, the rest corrupted: {says.token.strip()} ({says.prob:.0%})")

# %% [markdown]
# 33 + 51 is 84, and 65 + 62 is 127: here a patched run does the sum that it was given.
#
# Clicks can be written as code. This fills what is left of the table:


# %%
def fill(w, a, b):
    for direction in ["denoise", "noise"]:
        for sites in [[a], [b], [a, b]]:
            w.select(*sites, direction=direction)
            assert w.result  # waits for the patch


fill(w, "embed@a", "embed@b")
check(sums).table(w, "embed@a", "embed@b")

# %% [markdown]
# One number alone is enough for nothing, 0.000, and yet each is needed entirely, 1.000. To say the sum, the model
# needs both numbers: this is an **AND**. With this metric, a search that only denoises, one number at a time, would
# report that neither number matters.
#
# `exp.gate` makes the six patches at once, names the gate, and adds intervals over the pairs:

# %%
sums.gate("embed@a", "embed@b")

# %% [markdown]
# The lower half is the truth table: both corrupted, one clean, the other clean, both clean. It says how far each of
# these runs is on the way from the corrupted run (0) to the clean one (1); in the left column the patches are made in
# the corrupted run, in the right one in the clean run. AND is 0, 0, 0, 1. An **OR** would be 0, 1, 1, 1: one will do.
#
# ## Two cues
#
# The second task: a word that has stood twice before, each time with the same word after it. The model says the word
# that followed it. In the corrupted prompt the two earlier mentions are another word.

# %%
clean, corrupted, answers = [], [], []
for pair in pw.tasks.induction(20, length=9):
    a, b, cue, word, c, other, d, *_ = pair.clean.split()
    prompt = f"{a} {cue} {word} {b} {cue} {word} {c} {d} {cue}"
    clean.append(prompt)
    corrupted.append(prompt.replace(cue, other, 2))
    answers.append(f" {word}")
places = {"cue1": -8, "word1": -7, "cue2": -5, "word2": -4}
cues = pw.Experiment(
    model, pw.Task(clean, corrupted, answers, positions=places), metric="answer_prob"
)
print("clean    ", clean[0], "|", answers[0].strip())
print("corrupted", corrupted[0])
print(
    f"probability of the word: {cues.clean.value:.3f} clean, {cues.corrupted.value:.3f} corrupted"
)
anyway = cues.patch("embed@cue1")["answer_prob"].corrupted
print(
    f"in {(anyway < 0.2).sum()} pairs the corrupted run gives it less than 0.2, in the pairs "
    f"{(anyway > 0.98).nonzero()[0].tolist()} more than 0.98"
)

# %% [markdown]
# The corrupted run gives the word some probability, .215. A share counts from there. But .215 is a mean: in four pairs
# the corrupted run says the word anyway, so that hardly anything is left to bring back, and their shares divide by
# next to nothing.
#
# **Predict** the four numbers again, for the first cue and the second.
#
# **Exercise 1.** Which gate are `embed@cue1` and `embed@cue2`? Fill the table as above, in this widget. Answer with
# `"AND"`, `"OR"` or `"neither"`.

# %%
w2 = cues.explore("embed@cue1")
w2

# %% tags=["exercise"]
print(check(cues).table(w2, "embed@cue1", "embed@cue2"))
answer = ...
check(cues).gate(answer, "embed@cue1", "embed@cue2")

# %% tags=["solution"]
fill(w2, "embed@cue1", "embed@cue2")
print(check(cues).table(w2, "embed@cue1", "embed@cue2"))
answer = "OR"
check(cues).gate(answer, "embed@cue1", "embed@cue2")

# %% [markdown]
# Now it is the other way round. Look at single pairs: is this a rule, or a mean over pairs that differ?

# %%
either = cues.gate("embed@cue1", "embed@cue2")
print(
    either.per_pair["verdict"].value_counts().to_dict(),
    sums.gate("embed@a", "embed@b").per_pair["verdict"].value_counts().to_dict(),
)
ax = pw.plot.pairs(either.enough["a"], either.enough["b"], quantity="share")
ax = pw.plot.pairs(either.needed["a"], either.needed["b"], quantity="share")

# %% [markdown]
# In each of the 20 pairs, either cue alone is enough and neither is needed (in the four pairs named above this says
# little). A search that only noises, one place at a time, would report that neither cue matters.
#
# ## Four runs, not six
#
# So far a share was 0 or 1. With another metric, the logit difference (the logit of the clean sum minus that of the
# corrupted sum), the same sums give other numbers:

# %%
halves = sums.focused("logit_diff")
for site in ["embed@a", "embed@b"]:
    print(f"{site}  enough {halves.patch(site).share:.3f}")

# %% [markdown]
# **Exercise 2.** The prompts of a pair differ in the summands `a` and `b` alone. `embed@a` is enough for one share
# above, `embed@b` for the other. Without another patch: how far is `embed@a` **needed**? (In the noised run, which
# summand is clean, and which is corrupted?) Answer with a number from 0 to 1.

# %% tags=["exercise"]
answer = ...
check(halves).needed_from_enough(answer, "embed@a", "embed@b")

# %% tags=["solution"]
answer = 1 - halves.patch("embed@b").share
check(halves).needed_from_enough(answer, "embed@a", "embed@b")

# %%
noised = halves.flip().patch("embed@a")
denoised = halves.patch("embed@b")
print(f"noise   embed@a: metric {noised.value:.3f}, share {noised.share:.3f}")
print(f"denoise embed@b: metric {denoised.value:.3f}, share {denoised.share:.3f}")

# %% [markdown]
# The metric is the same to the last digit shown, because it is the same run: `a` corrupted, `b` clean. If two parts
# are **all** that differs, there are four runs and not six, and needed(a) = 1 − enough(b). Then one direction follows
# from the other.
#
# And notice what happened to the AND. By the probability each number is enough 0.000; by the logit difference, about a
# half. Lecture 3 is about that.
#
# ## Heads
#
# For the inputs we knew what to expect. For the heads we do not. Here are all heads of the two cues, in both
# directions. In the second map the way leads from the clean run to the corrupted one, so the colours are turned round:
# orange is what is lost.

# %%
enough = cues.sweep("z", progress=False)
needed = cues.flip().sweep("z", progress=False)
ax = pw.plot.heatmap(enough, quantity="share", annotate=True)
ax = pw.plot.heatmap(needed, quantity="share", annotate=True)

# %% [markdown]
# **Exercise 3.** Find a head that is enough and not needed: alone it brings back at least half of the probability, and
# without it less than a tenth is lost.

# %% tags=["exercise"]
answer = ...
check(cues).head(answer)

# %% tags=["solution"]
answer = "L1.H0"
check(cues).head(answer)

# %% [markdown]
# Both maps in one picture: to the right what is enough, upwards what is needed, with 95 % intervals over the pairs as
# thin lines. On the diagonal a head is as much enough as needed. A part of an OR lies at the lower right.

# %%
ax = pw.plot.enough_needed(enough, needed)

# %% [markdown]
# How can the model do without a head that does so much? One explanation: other heads do the same. It can be tested.
# Take the other three heads of its layer together:

# %%
gate = cues.gate("L1.H0", ["L1.H1", "L1.H2", "L1.H3"])
gate

# %%
verdicts = gate.per_pair["verdict"]
print(verdicts.value_counts().to_dict(), "OR in", verdicts.index[verdicts == "OR"].tolist())
weak = gate.per_pair[gate.per_pair["enough_a"] < 0.1]
print(weak[["enough_a", "enough_b", "needed_a", "needed_b"]].round(2))

# %% [markdown]
# The four heads together are everything: enough 1.000, needed 1.000. So this is nearly a matter of four runs again
# (.705 and .700, .992 and .992). The other three alone go .992 of the way, and .008 is lost without L1.H0. L1.H0 alone
# goes .705 of the way, and .300 is lost without the other three. On average that is neither gate, and nearer to an OR.
# Pair by pair it is an OR in 12 of the 20 (two of them, 5 and 14, are among the four where a share says little), by
# the rule of `exp.gate`: a share of up to 0.2 is none, and one from 0.8 on is all. In three pairs, 7, 13 and 15, L1.H0
# brings back next to nothing, and without the other three nearly everything is lost: there they do not do the same,
# the three do it alone. The other five lie between (two of them, 16 and 17, are among the four where a share says
# little).
#
# **Predict.** In the maps L0.H3 is enough *and* needed. Patch it at one place alone: at the word after the first cue,
# or at the word after the second. What do you expect?

# %%
cues.gate("L0.H3@word1", "L0.H3@word2")

# %% [markdown]
# The head is needed, and neither of these two places is: an OR inside one head. Whether a part is needed depends on
# what you call a part.
#
# ## Needed and not enough
#
# The sums have the opposite. The same picture of their heads, where a part of an AND lies at the top left:

# %%
ax = pw.plot.enough_needed(sums.sweep("z", progress=False), sums.flip().sweep("z", progress=False))

# %% [markdown]
# Take the one at the top, and the three others of its layer:

# %%
among_heads = sums.gate("L0.H1", ["L0.H0", "L0.H2", "L0.H3"])
among_heads

# %%
verdicts = among_heads.per_pair["verdict"]
print(verdicts.value_counts().to_dict())
others = among_heads.per_pair[verdicts != "AND"].drop(columns=["needed_both", "verdict"])
print(others.round(2).replace(-0.0, 0.0))

# %% [markdown]
# An AND among heads, on average: alone L0.H1 brings back .015, and without it .905 is lost. Pair by pair it is an AND
# in 16 of the 20. In two of the other four, 8 and 10, L0.H1 is hardly needed. In pair 9 it brings back .29 alone, and
# the other three are needed only .58. In pair 3 all four together bring back too little (`enough_both`). The wide
# interval, .772 to 1.039, was a sign that pairs differ.
#
# A third task, *greater than*: the model reads *from the year 1751 to the year 17*, and continues with a later year.
# In both runs, *later* means later than the year of the clean prompt.

# %%
years = pw.Experiment(model, pw.tasks.greater_than(20), metric="answer_prob")
print(years.task[0].clean, "|", years.task[0].corrupted)
print(
    f"probability of a later year: {years.clean.value:.3f} clean, {years.corrupted.value:.3f} corrupted"
)
print(f"L0.H3: enough {years.patch('L0.H3').share:.3f}")

# %% [markdown]
# Alone, L0.H3 brings back nearly nothing.
#
# **Exercise 4.** How far is L0.H3 needed here?

# %% tags=["exercise"]
answer = ...
check(years).needed(answer, "L0.H3")

# %% tags=["solution"]
answer = years.flip().patch("L0.H3").share
check(years).needed(answer, "L0.H3")

# %%
lost = years.flip().patch("L0.H3").per_pair.share
print(f"lost: less than 0.2 in {(lost < 0.2).sum()} pairs, more than 0.95 in {(lost > 0.95).sum()}")

# %% [markdown]
# Again a mean over pairs that differ: in 12 of them the head is hardly needed, in 5 entirely.
#
# ## Odd and even
#
# AND and OR are not the only gates. The last task asks whether a sum is odd: `12+34 mod 2=` is `0`. In the corrupted
# prompt each number is one larger, so that odd becomes even and even odd, in **both**.

# %%
numbers = [(12, 34), (45, 7), (70, 81), (23, 58), (9, 16), (64, 31), (88, 2), (37, 75)]
parity = pw.Experiment(
    model,
    pw.Task(
        clean=[f"{a}+{b} mod 2=" for a, b in numbers],
        corrupted=[f"{a + 1}+{b + 1} mod 2=" for a, b in numbers],
        answer=[str((a + b) % 2) for a, b in numbers],
        positions={"a": -6, "b": -4},
    ),
    metric="answer_prob",
)
print(parity.task[0].clean, "|", parity.task[0].corrupted, "| answer", parity.task[0].answer)
print(
    f"probability of the answer: {parity.clean.value:.3f} clean, {parity.corrupted.value:.3f} corrupted"
)

# %% [markdown]
# Both runs give the same answer: with both numbers one larger the sum grows by two, so an even sum stays
# even, and an odd one odd.
#
# **Exercise 5.** Predict the probability of the answer when `embed@a` **alone** is changed.

# %% tags=["exercise"]
answer = ...
check(parity).patched(answer, "embed@a")

# %% tags=["solution"]
answer = 0
check(parity).patched(answer, "embed@a")

# %%
for sites in [[], ["embed@a"], ["embed@b"], ["embed@a", "embed@b"]]:
    r = parity.patch(*sites)
    print(f"{' + '.join(sites) or 'nothing':18} probability {abs(r.value):.3f}   share {r.share}")
print(parity.gate("embed@a", "embed@b").verdict)

# %% [markdown]
# Changing one number loses everything, and changing both loses nothing. What is lost is 0, 1, 1, 0: an **XOR** of the
# two changes, and the gate is `undefined`. A share says how far a run has come from one answer to the other; here both
# runs have the same answer, so there is no way to go. The patches show that the model uses both numbers, 1.000 and
# 0.000; no share can show it. **Patching finds what differs between the two prompts; a share is defined only if the
# metric differs too.**
#
# ## Recap
#
# - Enough is read by denoising, needed by noising. In both, use the **share**; the recovery in noise is what is left.
# - AND: each part needed, none enough. Denoising one part at a time misses it, if the metric is the answer's
#   probability. OR: each enough, none needed. Noising one part at a time misses it. So look in both directions, and at
#   parts together.
# - If two parts are all that differs, needed(a) = 1 − enough(b).
# - A mean can hide pairs that differ: L1.H0 and the other heads of its layer are an OR in 12 pairs of 20, in three the
#   others do it alone, and five lie between.
# - If the metric is the same in both runs, no share is defined; if it is nearly the same, a share says little.
#
# **To read:** Heimersheim and Nanda, *How to use and interpret activation patching* (2024), on AND and OR; Mueller,
# *Missed Causes and Ambiguous Effects* (2024), on causes that noising misses; Wang et al., *Interpretability in the
# Wild* (2022), on backup heads.
