// Requests to the inspector's server. Each function gives the parsed answer, or throws `Refused` with
// the server's own sentence, or `Unreachable` if no answer came.

import {parse} from "./exact.js";

export class Refused extends Error {
  constructor(status, body) {
    super(body?.error || `The inspector's server answered ${status}.`);
    this.status = status;
    this.body = body;
  }
}

export class Unreachable extends Error {
  constructor() {
    super("The inspector's server does not answer. Start `connector inspect` again.");
  }
}

const meta = () => document.querySelector('meta[name="inspector-key"]');

async function ask(method, path, {json, raw, signal} = {}) {
  const headers = {};
  if (method !== "GET") headers["X-Inspector-Key"] = meta().content;
  if (json !== undefined) headers["Content-Type"] = "application/json";
  let reply;
  try {
    reply = await fetch(path, {method, headers, signal, body: raw ?? (json === undefined ? undefined : JSON.stringify(json))});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable();
  }
  const text = await reply.text();
  const body = parsed(text);
  if (!reply.ok) throw new Refused(reply.status, body);
  return body ?? text;
}

function parsed(text) {
  try { return parse(text); } catch { return null; }
}

// The server makes a new key at each start; the page takes it from the server's first page.
export async function renewKey() {
  const page = new DOMParser().parseFromString(await ask("GET", "/"), "text/html");
  const fresh = page.querySelector('meta[name="inspector-key"]')?.content;
  const changed = fresh !== undefined && fresh !== meta().content;
  if (changed) meta().content = fresh;
  return changed;
}

export const getState = () => ask("GET", "/api/state");
export const getEvents = () => ask("GET", "/api/events");
export const findEvents = (text) => ask("GET", `/api/events?find=${encodeURIComponent(text)}`);
export const getEvent = (n, reveal) => ask("GET", `/api/events/${n}${reveal ? "?reveal=1" : ""}`);
export const getCurl = (n, call) => ask("GET", `/api/events/${n}/curl/${call}`);
export const postPlan = (event, mapping, reveal, signal) =>
  ask("POST", "/api/plan", {json: {event, reveal, ...(mapping === null ? {} : {mapping})}, signal});
export const postSend = (event) => ask("POST", "/api/send", {json: {event}});
export const putMapping = (text, digest) => ask("PUT", "/api/mapping", {json: {text, digest}});
export const postPin = (pin) => ask("POST", "/api/pins", {json: pin});
export const deletePin = (id) => ask("DELETE", `/api/pins/${id}`);
export const postLife = (id) => ask("POST", `/api/life/${id}`, {json: {}});
export const postHistory = (file) => ask("POST", "/api/history", {raw: file});
export const deleteHistory = () => ask("DELETE", "/api/history");
export const postTest = (n, name) => ask("POST", "/api/tests", {json: {n, name}});
