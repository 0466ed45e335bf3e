// What the page asks of its server: JSON, and an answer as a stream of events.

/** The server refused (`status`), or it isn't there (`status` 0). */
export class ServerError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const GONE = "The program doesn't answer. Is it still running (understudy serve)?";

async function request(method, path, body, signal) {
  const headers = method === "GET" ? {} : { "Content-Type": "application/json", "X-Understudy": "page" };
  let response;
  try {
    response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError(0, GONE);
  }
  if (!response.ok) throw new ServerError(response.status, await refusalOf(response));
  return response;
}

async function refusalOf(response) {
  try {
    return String((await response.json()).error);
  } catch {
    return `The program refused this (${response.status}).`;
  }
}

/** The JSON that the server gives. */
export async function ask(method, path, body) {
  const response = await request(method, path, body);
  try {
    return await response.json();
  } catch {
    throw new ServerError(0, GONE);
  }
}

/** The events of an answer, each {event, data}. Throws ServerError where the stream breaks off without its end. */
export async function* events(path, body, signal) {
  const response = await request("POST", path, body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  while (true) {
    const { value, done } = await next(reader);
    if (done) return;
    const complete = (waiting + value).split(/\r?\n\r?\n/);
    waiting = complete.pop();
    yield* complete.map(eventOf).filter(Boolean);
  }
}

async function next(reader) {
  try {
    return await reader.read();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError(0, "The program broke off in the middle of the answer.");
  }
}

function eventOf(text) {
  let event = "message";
  const data = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("event:")) event = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length ? { event, data: JSON.parse(data.join("\n")) } : null;
}
