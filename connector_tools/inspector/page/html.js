// The front-end library under one name: Preact, with htm for templates without a build step.
import {h, render, Component} from "./preact.js";
import {useEffect, useLayoutEffect, useMemo, useRef, useState} from "./preact-hooks.js";
import htm from "./htm.js";

export const html = htm.bind(h);
export {render, Component, useEffect, useLayoutEffect, useMemo, useRef, useState};
