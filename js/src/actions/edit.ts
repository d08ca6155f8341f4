/** Writing the prompts in place: opening the fields, asking for their tokens, running them. */

import { type Edit, type EditField, sameEdits } from "../model/edit";
import type { Patch } from "../model/patch";
import { positionRange } from "../model/position";
import { draftEdits, draftProblem, type Editing } from "../state/editing";
import { selectedPatches } from "../state/selectors";
import type { State } from "../state/state";
import { cancelPatch } from "./patching";
import { askPatch, set, type Tools } from "./tools";

export interface EditActions {
  /** Opens the fields of the shown pair, with the keyboard in one of them. */
  edit(field: EditField): void;
  write(values: Partial<Edit>): void;
  runEdit(): void;
  cancelEdit(): void;
}

export const CHOOSE_PAIR = "Choose a pair: the mean has no prompt to edit.";

/** On a saved page. */
const NEW_PROMPTS =
  "New prompts need Python: exp = pw.Experiment(model, pw.Task(clean, corrupted, answer, foil))";

function askTokens({ store, kernel }: Tools, draft: Edit): void {
  kernel.tokens(draft, (asked) => {
    const { editing } = store.state();
    if (editing !== undefined) set(store, { editing: { ...editing, asked } });
  });
}

function open(tools: Tools, field: EditField): void {
  const { store, page } = tools;
  const { scene, editing, saved } = store.state();
  const draft = scene?.task.text;
  if (scene === undefined || !scene.can_sweep) return;
  if (saved) {
    set(store, { notice: NEW_PROMPTS });
    return;
  }
  if (draft === undefined) {
    set(store, { notice: CHOOSE_PAIR });
    return;
  }
  if (editing === undefined) {
    const nothing = { asked: undefined, tokens: undefined, problem: undefined };
    set(store, { editing: { draft, base: scene.edits, from: field, ...nothing } });
    askTokens(tools, draft);
  }
  page.focusField(field);
}

function write(tools: Tools, values: Partial<Edit>): void {
  const { editing } = tools.store.state();
  if (editing === undefined) return;
  const draft = { ...editing.draft, ...values };
  set(tools.store, { editing: { ...editing, draft, problem: undefined } });
  askTokens(tools, draft);
}

/** What stays patched: sites whose position the new prompts have. */
function keptPatches(state: State, { tokens }: Editing): readonly Patch[] {
  const { scene } = state;
  if (tokens === undefined || scene === undefined) return selectedPatches(state);
  const { clean, counterparts } = tokens;
  const { positions } = scene.task;
  return selectedPatches(state).filter(({ site }) => {
    const range = positionRange(site, { clean, positions });
    if (range === undefined) return true;
    const [from, to] = range;
    return from < to && counterparts.slice(from, to).every((there) => there !== null);
  });
}

/** Runs what was written, unless the kernel has said already what is wrong with it. */
function run(tools: Tools): void {
  const { store } = tools;
  const state = store.state();
  const { editing } = state;
  if (editing === undefined || state.pending !== undefined) return;
  if (editing.asked === undefined && draftProblem(editing) !== undefined) return;
  const edits = draftEdits(editing);
  if (sameEdits(edits, editing.base) || isAsShown(state, editing)) {
    close(tools);
    return;
  }
  askPatch(tools, { edits, patches: keptPatches(state, editing) });
}

function isAsShown({ scene }: State, { draft }: Editing): boolean {
  return JSON.stringify(scene?.task.text) === JSON.stringify(draft);
}

function close(tools: Tools): void {
  const { editing, pending } = tools.store.state();
  if (editing === undefined) return;
  if (pending !== undefined && sameEdits(pending.request.edits, draftEdits(editing)))
    cancelPatch(tools);
  set(tools.store, { editing: undefined });
}

/** When the fields have closed, the keyboard goes back to the pencil that had opened them. */
export function leaveEditor(tools: Tools, before: State): void {
  const { editing } = tools.store.state();
  if (before.editing !== undefined && editing === undefined)
    tools.page.focusPencil(before.editing.from);
}

export function editActions(tools: Tools): EditActions {
  return {
    edit: (field) => open(tools, field),
    write: (values) => write(tools, values),
    runEdit: () => run(tools),
    cancelEdit: () => close(tools),
  };
}
