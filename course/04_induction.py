# %% [markdown]
# # 4 · Induction
#
# *battle hospital siege park James Sam airport church battle hospital siege park James …* The words are drawn at
# random, and yet you know how it goes on: *Sam*. You looked up where *James* stood before, and read the word after it.
# Language models can do that too, with two kinds of attention heads in a row; the second kind are called **induction
# heads**.
#
# A head has three inputs: its **query** says what it looks for, its **keys** say what there is at each position, its
# **values** say what it brings from there. **Which input of an induction head matters: q, k or v?**
#
# In this lecture you will find the first head, freeze the inputs of the second ones, see that heads do not add up, and
# find out what an answer to the question above depends on. It takes 60 minutes.

# %% [markdown] tags=["instructor"]
# > **For the instructor.** 10 minutes for the repeated words, 10 for the first head, 20 for q, k and v (10 of them in
# > the widget), 10 for the sum, 10 for the other two changes. Ask for a show of hands on q, k or v before anybody
# > freezes anything. What goes wrong most often: people freeze one head of four, and read what is lost where the
# > question is what is left. Whoever leaves with "k is the input of an induction head" has missed the last part; keep
# > time for it.

# %%
import patchwidgets as pw

model = pw.load()
model

# %% [markdown]
# The teaching model has 4 layers with 4 heads each. It was trained on sums, names, years, and words that repeat.

# %%
task = pw.tasks.induction(64)
exp = pw.Experiment(model, task)
check = pw.course.Induction(exp)

# %% [markdown]
# ## Words that repeat
#
# Here are ten words, drawn at random, and then the same ten again.
#
# **Predict.** After each word, the model says which one it expects next. How many of the ten words of the second half
# does it expect? And how many of the nine after the first word in the first half? Write both down.

# %%
ten = ["ring", "Sam", "lake", "lamp", "key", "Nina", "farm", "hat", "Luke", "coin"]
text = " ".join(ten + ten)


def expected(words):
    for i in range(1, len(words)):
        best = model.run(" ".join(words[:i])).top_tokens(1)[0]
        print(f"{i:2}  next is {words[i]:5} expected {best.token.strip():9} {best.prob:4.0%}")


expected(ten + ten)

# %% [markdown]
# **Exercise 1.** How many words of the second half (lines 10 to 19) does the model expect?

# %% tags=["exercise"]
answer = ...
check.repeats(answer, text)

# %% tags=["solution"]
answer = 9
check.repeats(answer, text)

# %% [markdown]
# It expects none of the words of the first half, which nobody could predict, and of the second half all but the first
# word (line 10): nothing says that the text begins again there.
#
# **Predict.** What happens with ten random *numbers* in place of the words? The model has seen many numbers, in sums.
# Write it down.

# %%
numbers = ["17", "64", "3", "88", "41", "59", "26", "70", "12", "95"]
expected(numbers + numbers)

# %% [markdown]
# None, not even in the second half. Its training had words that repeat, and no numbers that do. So whatever you find
# below is how this model repeats *words*.
#
# ## Two prompts
#
# To see how it does that, change where the last word stood before. In the corrupted prompt, this word, the **cue**,
# has swapped places with another word of the first half, so that another word comes after it.

# %%
first = task.pair(0)
print(f"clean      {first.clean} ->{first.answer}")
print(f"corrupted  {first.corrupted} ->{first.foil}")
print(
    f"logit difference over {len(exp.pairs)} pairs: clean {exp.clean.value:+.2f}, corrupted {exp.corrupted.value:+.2f}"
)
print(f"the model does it on {exp.accuracy:.0%} of the pairs")

# %%
heads = exp.sweep("z", progress=False)
ax = pw.plot.heatmap(heads, annotate=True)

# %% [markdown]
# **Exercise 2.** Which head alone brings nearly everything back? Write it as `"L9.H6"`.

# %% tags=["exercise"]
answer = ...
check.head(answer)

# %% tags=["solution"]
answer = heads.top_sites(1)[0]
print(answer)
check.head(answer)

# %% [markdown]
# What does this head look at? For each head of layer 0, the share of its attention that goes from the word after the
# cue (the task calls its position `next`) to the cue before it, and to that word itself:

# %%
at = exp.pairs[0].positions["next"]
patterns = exp.clean.pattern("L0.pattern").mean("pair")
for head in range(4):
    row = patterns.values[head, at]
    print(f"L0.H{head}   one back {row[at - 1]:.2f}   itself {row[at]:.2f}")
last = patterns.values[3, -1, -2]
print(f"L0.H3 from the last word: one back {last:.2f}")

# %% [markdown]
# From the word after the cue, .90 of the attention of L0.H3 is one word back: there it is a **previous-token head**.
# (From the last word, it is only .15.) At which position does its output bring the answer back? Patch it at one
# position at a time.

# %%
for position in ["cue", "next", "end"]:
    r = exp.patch(f"L0.H3@{position}")
    print(f"L0.H3@{position:5} recovery {r.recovery:z.3f}")

# %% [markdown]
# Not at the last word, where the answer is said, and not at the cue, but at the word after it, .567. Where is the
# rest? The corrupted prompt has another word after *its* cue. In the first pair, that is position 4:

# %%
one = pw.Experiment(model, first)
print("tokens", list(enumerate(one.corrupted.tokens[:8])))
for sites in [["L0.H3@6"], ["L0.H3@4"], ["L0.H3@6", "L0.H3@4"]]:
    print(f"{' + '.join(sites):18} recovery {one.patch(*sites).recovery:.3f}")
back = one.corrupted.pattern("L0.pattern").values[3, 4, 3]
print(f"L0.H3 in the corrupted run, from position 4: one back {back:.2f}")

# %% [markdown]
# Both together bring back .991: at position 6 the head now says what it says in the clean run, "the word before me is
# *James*", and at position 4 it no longer says so. (In the corrupted run it looked from position 4 one word back, at
# the *James* of position 3, with .93 of its attention.)
#
# ## Which input?
#
# In the map, the four heads of layer 1 bring something back as well. Where do they work?

# %%
later = ["L1.H0", "L1.H1", "L1.H2", "L1.H3"]
for position in ["next", "end"]:
    r = exp.patch(*[f"{head}@{position}" for head in later])
    print(f"L1.H0 to L1.H3@{position:5} jointly: recovery {r.recovery:z.3f}")

# %% [markdown]
# At the last word, where the answer is said. L0.H3 works earlier, one word after the cue. If it acts through these
# four heads, what it writes can enter them in three ways:
#
# - through **q**: it changes what they look for;
# - through **k**: it changes where they find it;
# - through **v**: it changes what they bring from there.
#
# **Predict.** Which one? Write it down.
#
# Now look. In the widget, choose **Path** (or press `E`), click L0.H3, then L1.H0, and then one of query, key and
# value (or press `Q`, `K`, `V`). On a path, only the one receiver sees the clean output of L0.H3; for all others it
# stays as it was in the corrupted run. Try all three, and then the other heads of layer 1. (The boxes show the last
# token. What L0.H3 changes at `next` is not seen in them, only what comes of it at the end.)

# %%
w = exp.explore("L0.H3")
w

# %% [markdown]
# **Exercise 3.** Through which input of layer 1 does L0.H3 act? Write `"q"`, `"k"` or `"v"`.

# %% tags=["exercise"]
answer = ...
check.input(answer)

# %% tags=["solution"]
answer = "k"
check.input(answer)

# %%
for part in "qkv":
    path = exp.path("L0.H3", f"L1.H0.{part}")
    print(f"L0.H3 -> L1.H0.{part}   recovery {path.recovery:z.3f}")
w.select("L0.H3->L1.H0.k")
w

# %% [markdown]
# The dashed box is the start of the path. It and the `attn` of its layer are left empty: something changes there, but
# only the receiver sees it.
#
# If L0.H3 acts through the keys, the attention must move. How much of the attention of each head of layer 1 goes from
# the last word to the position `next`, where the word after the cue stands in the clean prompt: in the clean run, in
# the corrupted run (where the cue stands elsewhere, and another word comes after it), and with L0.H3 patched?

# %%
runs = {"clean": exp.clean, "corrupted": exp.corrupted, "patched": exp.patch("L0.H3").run}
print("           ", *later)
for name, run in runs.items():
    to_next = run.pattern("L1.pattern").mean("pair").values[:, -1, at]
    print(f"{name:10}", *(f"{share:6.2f}" for share in to_next))

# %% [markdown]
# The attention does move: from at most .01 to at least .94 in all four heads, as in the clean run.
#
# ## Freeze
#
# One path says what one way carries. The opposite question: what is left, if this way is closed? A patch whose source
# is `"host"` writes what is there anyway: it **freezes** an activation, whatever changes before it.

# %%
print(exp.patch("L0.H3", pw.Patch("L1.H0.k", "host")))

# %% [markdown]
# **Exercise 4.** What recovery is left of L0.H3, if the keys of *all four* heads of layer 1 are frozen?

# %% tags=["exercise"]
answer = ...
check.left(answer)

# %% tags=["solution"]
answer = exp.patch("L0.H3", *[pw.Patch(f"L1.H{head}.k", "host") for head in range(4)]).recovery
check.left(answer)

# %% [markdown]
# All three inputs, closed and alone: what is left of L0.H3 with this input of layer 1 frozen, and what this input
# brings back with nothing else patched.


# %%
def frozen(part):
    return [pw.Patch(f"L1.H{head}.{part}", "host") for head in range(4)]


def alone(part):
    return [f"L1.H{head}.{part}" for head in range(4)]


print(f"nothing frozen   {exp.patch('L0.H3').recovery:.3f}")
for part in "qkv":
    left = exp.patch("L0.H3", *frozen(part)).recovery
    print(
        f"{part} frozen         {left:.3f}      {part} alone {exp.patch(*alone(part)).recovery:z.3f}"
    )

# %% [markdown]
# With frozen queries everything is left, .996; with frozen values, .970. With frozen keys hardly anything is left,
# .018, and the keys alone bring back .971. Both questions have the same answer, **k**: L0.H3 changes *where* the
# induction heads look. It does not change what they look for, and hardly what they bring.
#
# Here is the frozen patch in the widget. Go to another pair (press `.`): the keys stay frozen. You can freeze a whole
# box yourself: Alt+click, or `X`. The orange box with a 4 in the lower lane stands for the four frozen keys: they stay
# as they are in the corrupted run. (A filled box in the upper or lower lane says that its value is taken from there, a
# hollow one that it is not; the violet frames are what is exchanged or held.) An empty box has moved by less than a
# twentieth.

# %%
w.select("L0.H3", *frozen("k"))
w

# %% [markdown]
# ## Do heads add up?
#
# Four heads of layer 1 bring something back alone.
#
# **Predict.** Add their recoveries up. If you patch all four jointly, will it be less, as much, or more? Write it
# down.

# %%
single = [exp.patch(head) for head in later]
jointly = exp.patch(*later)
for head, r in zip(later, single, strict=True):
    print(f"{head}    recovery {r.recovery:.3f}")
print(f"sum      {sum(r.recovery for r in single):8.3f}")
print(f"jointly  {jointly.recovery:8.3f}")
ax = pw.plot.pairs(*single, jointly, quantity="recovery")

# %% [markdown]
# They sum to .706, and jointly they bring back 1.000. So how many of them are enough?
#
# **Exercise 5.** Which heads of layer 1, and as few as possible, bring back at least 0.9? Write a list, as
# `["L9.H6", "L9.H7"]`.

# %% tags=["exercise"]
answer = ...
check.heads(answer)

# %% tags=["solution"]
answer = ["L1.H0", "L1.H1", "L1.H2"]
print(f"{exp.patch(*answer).recovery:.3f}")
check.heads(answer)

# %% [markdown]
# The joint recovery minus the sum is the excess. Where does it come from? The heads of one layer do not see each other,
# so it is made after them. Freeze what comes after: the MLPs of the layers 1 to 3; the attention of the layers 2 and 3
# as well; the scale of the final norm alone; and all of it (which `direct_effects` does). The logits are the last
# stream divided by its size, times a matrix. So the logit difference with a frozen scale is the one that was measured,
# times the size in the patched run over the size in the corrupted run.

# %%
mlps = [pw.Patch(f"L{layer}.mlp_out", "host") for layer in (1, 2, 3)]
attention = [pw.Patch(f"L{layer}.attn_out", "host") for layer in (2, 3)]


def size(run):
    return run["L3.resid_post"][:, -1].norm(dim=-1).numpy()


def scale_frozen(r):
    value = (r.per_pair.value * size(r.run) / size(exp.corrupted)).mean()
    return (value - exp.corrupted.value) / (exp.clean.value - exp.corrupted.value)


sums = {
    "nothing frozen": (sum(r.recovery for r in single), jointly.recovery),
    "MLPs frozen": (
        sum(exp.patch(head, *mlps).recovery for head in later),
        exp.patch(*later, *mlps).recovery,
    ),
    "and attention frozen": (
        sum(exp.patch(head, *mlps, *attention).recovery for head in later),
        exp.patch(*later, *mlps, *attention).recovery,
    ),
    "norm frozen alone": (sum(map(scale_frozen, single)), scale_frozen(jointly)),
    "everything frozen": (
        exp.direct_effects("z", norm="frozen", progress=False).recovery.values[1].sum(),
        exp.direct_effects("attn_out", norm="frozen", progress=False).recovery.values[1],
    ),
}
for name, (added, joint) in sums.items():
    excess = joint - added
    print(
        f"{name:23} sum {added:.3f}   jointly {joint:.3f}   excess {excess:z.3f}, {excess / joint:z.0%}"
    )

# %% [markdown]
# The excess is .294. With the MLPs frozen it is .129 (and the joint recovery .464), with the norm frozen .169. So it
# has at least two causes. The MLPs, with what later attention makes of their output, add more to the four jointly than
# to the four one by one: with the norm frozen, they take .469 to 1.008 jointly, and to .839 in sum. The norm takes from
# the heads one by one, whose sum is .839 with its scale frozen and .706 without, and hardly from the four jointly
# (1.008 and 1.000). (The per cents are parts of the joint recovery: both shrink with the MLPs frozen, so they hardly
# move.) With the MLPs frozen, freezing the attention of the layers 2 and 3 as well changes nothing. With everything
# frozen nothing remains of the excess, as it must be: then everything after the heads is a sum.
#
# ## The other two inputs
#
# So is k *the* input of an induction head? Keys carried the effect of one change, the place of the cue. Here are two
# more changes, with the same clean prompts, answers and foils:

# %%
other_end = pw.Experiment(model, pw.tasks.induction(64, change="end"))
other_next = pw.Experiment(model, pw.tasks.induction(64, change="next"))
print("clean          ", first.clean)
print("cue elsewhere  ", first.corrupted)
print("another end    ", other_end.task.pair(0).corrupted)
print("another next   ", other_next.task.pair(0).corrupted)

# %% [markdown]
# **Predict.** Which input of layer 1 carries the difference if the prompt *ends* with another word? And which one, if
# another word stands *after* the cue? Write both down. Which head of layer 0 will be the strongest now?

# %%
sweeps = [other.sweep("z", progress=False) for other in (other_end, other_next)]
fig = pw.plot.heatmaps(
    [heads, *sweeps],
    titles=["cue elsewhere", "another end", "another next"],
    columns=3,
    annotate=True,
)
itself = other_end.clean.pattern("L0.pattern").mean("pair").values[1, -1, -1]
print(f"L0.H1 from the last word: itself {itself:.2f}")

# %% [markdown]
# Layer 1 looks the same in all three. In layer 0 it is now L0.H1, the head that attends to the word itself: with .87 at
# the word after the cue, as you saw, and with .91 at the last word.
#
# **Exercise 6.** Patch L0.H1 in `other_end` and in `other_next`, and freeze the inputs of layer 1 as above. Through
# which input does it act in the one, and in the other?

# %% tags=["exercise"]
answer = ...
check.input(answer, of=other_end)

# %% tags=["exercise"]
answer = ...
check.input(answer, of=other_next)

# %% tags=["solution"]
for name, other in {"another end": other_end, "another next": other_next}.items():
    print(name, *(f"{part} {other.patch('L0.H1', *frozen(part)).recovery:.3f}" for part in "qkv"))

# %% tags=["solution"]
answer = "q"
check.input(answer, of=other_end)

# %% tags=["solution"]
answer = "v"
check.input(answer, of=other_next)

# %% [markdown]
# Everything in one table: each input of layer 1, patched alone at all four heads.

# %%
changes = {"cue elsewhere": exp, "another end": other_end, "another next": other_next}
print("                q      k      v")
for name, other in changes.items():
    recovery = [other.patch(*alone(part)).recovery for part in "qkv"]
    print(f"{name:13}", *(f"{number:z6.3f}" for number in recovery))

# %% [markdown]
# One large number in each row, and each time in another column. The same four heads use all three inputs: the queries
# say which word to look for. The keys say, at the word after the cue, which word stands just before it. The values say
# which word stands there. **A patch shows what differs between the two prompts, and nothing else.** With one corrupted
# prompt you see one input of three.
#
# ## Recap
#
# - Of ten repeated words the model expects nine, of ten repeated numbers none. What you found holds for words.
# - From the word after the cue, L0.H3 looks one word back; patched, it brings back .996. With layer 1's keys frozen
#   .018 of it is left, with its queries .996, with its values .970.
# - A path opens one way, a frozen input closes one. Ask both questions.
# - Four heads sum to .706 and bring back 1.000 jointly: effects do not add up where what comes after the heads is
#   not linear.
# - Another change, another input: each of the three changes goes through another one.
#
# **To read:** Elhage et al., *A Mathematical Framework for Transformer Circuits* (2021), which takes induction heads
# apart; Olsson et al., *In-context Learning and Induction Heads* (2022); Goldowsky-Dill et al., *Localizing Model
# Behavior with Path Patching* (2023).
