// SPDX-License-Identifier: Apache-2.0
// Talking to ubcd. Who asks is sent by hand with each request and never kept in a cookie, so that no page of another site can ask in our name.

const kKey = "ubc-authorization";

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const authorization = () => sessionStorage.getItem(kKey);
export const signedIn = () => authorization() !== null;
export const signOut = () => sessionStorage.removeItem(kKey);
export function signIn({user, password, token}) {
  const utf8 = (text) => String.fromCharCode(...new TextEncoder().encode(text));
  sessionStorage.setItem(kKey, token ? `Bearer ${token}` : `Basic ${btoa(utf8(`${user}:${password}`))}`);
}

const headers = (more) => ({"X-UBC-Request": "1", ...(signedIn() ? {Authorization: authorization()} : {}), ...more});

async function call(method, path, body, signal) {
  let reply;
  try {
    reply = await fetch(`/api/v1/${path}`, {
      method, signal, cache: "no-store", credentials: "omit",
      headers: headers(body === undefined ? {} : {"Content-Type": "application/json"}),
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (failed) {
    if (failed.name === "AbortError") throw failed;
    throw new Refused(0, "ubcd does not answer");
  }
  const said = await reply.json().catch(() => null);
  if (!reply.ok) throw new Refused(reply.status, said?.error?.message ?? `ubcd answered ${reply.status}`);
  return said;
}

export const get = (path, signal) => call("GET", path, undefined, signal);
export const post = (path, body = {}) => call("POST", path, body);
export const patch = (path, body, signal) => call("PATCH", path, body, signal);

/** Events, until `signal` ends it or the server does: tell(name, data). Throws where it is refused. */
export async function listen(path, tell, signal) {
  const reply = await fetch(`/api/v1/${path}`, {signal, cache: "no-store", credentials: "omit", headers: headers({Accept: "text/event-stream"})});
  if (!reply.ok) throw new Refused(reply.status, (await reply.json().catch(() => null))?.error?.message ?? `ubcd answered ${reply.status}`);
  tell("open", null);
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) return;
    waiting += value;
    for (let end; (end = waiting.indexOf("\n\n")) >= 0; waiting = waiting.slice(end + 2)) {
      const lines = waiting.slice(0, end).split("\n");
      const part = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      if (part("event")) tell(part("event"), JSON.parse(part("data")));
    }
  }
}
