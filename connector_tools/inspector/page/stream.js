// The server's stream of news. If it breaks off, the page says so and tries again until it is back.
import * as api from "./api.js";
import {arrive, load, showCounterpart} from "./actions.js";
import {mappingChanged} from "./file.js";
import {hush} from "./notices.js";
import {set, state} from "./store.js";

const AGAIN = 1500;      // milliseconds between two tries

const NEWS = {
  event: arrive,
  counterpart: (news) => showCounterpart(news.counterpart ?? news),
  mapping: mappingChanged,
  pins: (news) => set({pins: news.pins ?? news}),
  life: (news) => set({life: news.life ?? news}),
  source: ({source}) => { if (source !== state.info.source) load({fresh: true}); },
};

let fresh = false;       // whether the server was started anew since the events were read

export function listen() {
  const source = new EventSource("/api/stream");
  for (const [name, take] of Object.entries(NEWS)) {
    source.addEventListener(name, (message) => take(JSON.parse(message.data)));
  }
  source.onopen = () => { if (!state.connected) hush(); set({connected: true}); load({fresh}); fresh = false; };      // what came before the stream
  source.onerror = () => { source.close(); lost(); };
}

function lost() {
  set({connected: false});
  setTimeout(async () => {
    try {
      fresh = await api.renewKey() || fresh;
      listen();
    } catch { lost(); }
  }, AGAIN);
}
