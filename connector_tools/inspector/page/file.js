// The mapping file: saved from the page, or changed on disk by something else.
import * as api from "./api.js";
import {attempt, tell} from "./notices.js";
import {markStale, schedulePlan} from "./planning.js";
import {dirtyMapping, set, state} from "./store.js";
import {counted} from "./words.js";

export async function save({over = false} = {}) {
  if (!dirtyMapping() || state.saving) return;
  if (state.conflict && !over) { set({dialog: {kind: "conflict"}}); return; }
  set({saving: true});
  const text = state.mappingText;
  try {
    const digest = over ? (await api.getState()).mapping.digest : state.mapping.digest;
    saved(await api.putMapping(text, digest));
    tell("Saved. The next event is handled by this file.");
  } catch (error) {
    refusedToSave(error);
  } finally {
    set({saving: false});
  }
}

function saved(mapping) {
  markStale();
  set({mapping, mappingText: state.mappingText === mapping.text ? null : state.mappingText, conflict: false, dialog: null});
  schedulePlan(0);
}

function refusedToSave(error) {
  if (error.status === 409) return set({conflict: true, dialog: {kind: "conflict"}});
  const found = error.body?.problems?.filter((one) => one.severity === "error").length;
  if (error.status !== 422 || !found) return tell(error.message, true);
  set({tab: "problems", planProblems: error.body.problems});
  return tell(`Not saved: the file has ${counted(found, "error")}.`, true);
}

// The file changed on disk, by an editor or by this page.
export function mappingChanged({changes, ...mapping}) {
  const known = mapping.digest === state.mapping.digest;
  const ours = mapping.text === state.mappingText;
  if (!known) markStale();
  set({mapping, conflict: dirtyMapping() && !ours && !known ? true : state.conflict, ...(ours ? {mappingText: null} : {})});
  if (known || ours) return;
  const errors = mapping.problems?.filter((one) => one.severity === "error").length;
  if (errors) tell(`The file on disk has ${counted(errors, "error")}: the text before it goes on serving.`, true);
  else tell(changes?.length ? `The file was read again. ${changes.slice(0, 3).join("; ")}` : "The file was read again.");
  schedulePlan(0);
}

export async function takeFile() {
  await attempt(async () => {
    const {mapping} = await api.getState();
    set({mapping, mappingText: null, conflict: false, dialog: null});
    schedulePlan(0);
  });
}
