// What is pointed at: an expression of the mapping, or a field of the event, and what belongs to it.
import {dirtyMapping, set, state} from "./store.js";
import {relation} from "./words.js";

// All values that the shown plan computed or could not compute, each with its place in the file.
export function planValues(plan = state.plan) {
  if (!plan) return [];
  if (!plan.allValues) {
    const sides = (plan.rules ?? []).filter((rule) => rule.condition).map((rule) => rule.condition).filter((one) => one.line);
    plan.allValues = [
      ...(plan.values ?? []), ...(plan.conditions ?? []), ...(plan.calls ?? []).flatMap((call) => call.values ?? []), ...sides,
    ].filter((value) => value.line);
  }
  return plan.allValues;
}

// The expressions that can be pointed at: those of the plan, and of the file as far as it is unedited.
export function spans() {
  const known = new Map();
  if (!dirtyMapping()) for (const one of state.mapping.expressions ?? []) known.set(`${one.line}:${one.column}`, {...one, values: []});
  for (const value of planValues()) {
    const key = `${value.line}:${value.column}`;
    const span = known.get(key) ?? {...value, values: []};
    span.values.push(value);
    known.set(key, span);
  }
  return known;
}

let cached = {};
export function spansByLine() {
  const {plan, mapping, mappingText} = state;
  if (cached.plan === plan && cached.mapping === mapping && cached.edited === (mappingText !== null)) return cached.lines;
  const lines = new Map();
  for (const span of spans().values()) {
    if (!span.length) continue;
    if (!lines.has(span.line)) lines.set(span.line, []);
    lines.get(span.line).push(span);
  }
  cached = {plan, mapping, edited: mappingText !== null, lines};
  return lines;
}

// The expression at a place of the file; the shortest, if one is inside another.
export function spanAt(line, column) {
  const found = (spansByLine().get(line) ?? []).filter((one) => column >= one.column && column < one.column + one.length);
  return found.sort((one, other) => one.length - other.length)[0] ?? null;
}

// `hold` keeps the point until something else is clicked; without it, a point that is held stays.
export function pointAtSpan(span, hold = null) {
  if (hold === null && state.held) return;
  if (hold !== null) set({held: hold});
  if (state.point?.span?.line === span?.line && state.point?.span?.column === span?.column) return;
  set({point: span && {span, values: span.values}});
}

export function pointAtField(path, hold = null) {
  if (hold === null && state.held) return;
  if (hold !== null) set({held: hold});
  if (state.point?.path === path || (path === null && !state.point)) return;
  set({point: path === null ? null : {path, readers: readersOf(path)}});
}

// The expressions that read a field of the event or a part of it; with `whole`, also what it is a part of.
export function readersOf(path, whole = true) {
  const found = new Map();
  for (const value of planValues()) {
    const relations = (value.reads ?? []).map((read) => read.path && relation(read.path, path)).filter(Boolean);
    const wholly = relations.length > 0 && relations.every((one) => one === "whole");
    if (relations.length && (whole || !wholly)) found.set(`${value.line}:${value.column}`, {...value, wholly});
  }
  return [...found.values()].sort((one, other) => one.wholly - other.wholly || one.line - other.line);
}

export const isPointed = (span) => state.point?.span?.line === span.line && state.point?.span?.column === span.column;
export const isReader = (span) => Boolean(state.point?.readers?.some((one) => one.line === span.line && one.column === span.column));

export const release = () => set({held: false, point: null});
