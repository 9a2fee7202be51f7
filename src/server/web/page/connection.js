// The WebSocket: lines out, lines in, answers to whoever asked, and back again when it drops. Knows no page and no
// conversation.
import { parseLine } from "./wire.js";

const FIRST_WAIT = 1000;
const LONGEST_WAIT = 60000;
// The longest wait while somebody looks.
const LONGEST_SEEN = 8000;
// A connection that is silent for so long is asked whether it is there, and has so long to answer.
const QUIET = 75000;
const ANSWER_WITHIN = 15000;

export class Refused extends Error {
  constructor(code, text, tags) {
    super(text);
    this.code = code;
    this.retry = Number(tags.retry ?? 0);
    this.set = tags.set;
  }
}

export class Lost extends Error {}

export class Connection {
  // `on` has open(), line(line), closed(reason): what arrived unasked, and what became of the connection.
  constructor(url, on) {
    this.url = url;
    this.on = on;
    this.socket = null;
    this.wait = FIRST_WAIT;
    this.wanted = false;
    this.labels = 0;
    this.asked = new Map();
    this.timer = 0;
    this.heard = 0;
    setInterval(() => this.checkQuiet(), 5000);
    addEventListener("online", () => this.again());
    document.addEventListener("visibilitychange", () => {
      // After a sleep the socket may look open and be dead.
      if (document.visibilityState === "visible") this.isOpen ? this.probe() : this.again();
    });
  }

  get isOpen() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  start() {
    this.wanted = true;
    this.open();
  }

  stop() {
    this.wanted = false;
    clearTimeout(this.timer);
    this.socket?.close();
  }

  // Tries at once, if it is waiting to try.
  again() {
    if (this.wanted && this.socket === null) this.open();
  }

  open() {
    clearTimeout(this.timer);
    const socket = new WebSocket(this.url, "chitchat.1");
    this.socket = socket;
    this.reason = "";
    socket.onopen = () => {
      this.heard = Date.now();
      this.on.open();
    };
    socket.onmessage = (message) => {
      this.heard = Date.now();
      for (const text of message.data.split("\n")) if (text !== "") this.take(text);
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      this.socket = null;
      const asked = [...this.asked.values()];
      this.asked.clear();
      for (const { reject } of asked) reject(new Lost("the connection was lost"));
      this.on.closed(this.reason);
      if (this.wanted) {
        const most = document.hidden ? LONGEST_WAIT : LONGEST_SEEN;
        this.timer = setTimeout(() => this.open(), Math.min(this.wait, most) * (0.5 + Math.random() / 2));
        this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
      }
    };
  }

  // It is logged in: the next wait is short again.
  works() {
    this.wait = FIRST_WAIT;
  }

  take(text) {
    const line = parseLine(text);
    if (!line) return;
    const asked = line.tags.re && this.asked.get(line.tags.re);
    if (!asked) {
      // The last notice says why a connection ends.
      if (line.kind === "notice") this.reason = line.text;
      this.on.line(line);
      return;
    }
    if (line.kind === "row") asked.rows.push(line.text);
    else if (line.kind === "done" || line.kind === "refused") {
      this.asked.delete(line.tags.re);
      if (line.kind === "done") asked.resolve({ text: line.text, rows: asked.rows });
      else asked.reject(new Refused(line.code, line.text, line.tags));
    } else if (line.kind === "prompt") {
      // Nothing that is sent from here waits for one; an empty answer cancels.
      this.socket.send("\n");
    }
  }

  // Sends a command without its slash; resolves to {text, rows}.
  ask(command) {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) return reject(new Lost("not connected"));
      const label = `w${++this.labels}`;
      this.asked.set(label, { resolve, reject, rows: [] });
      this.socket.send(`/@${label} ${command.replace(/[\r\n]+/g, " ")}`);
    });
  }

  checkQuiet() {
    if (this.isOpen && Date.now() - this.heard > QUIET) this.probe();
  }

  // Asks whether the server is there, and gives the connection up if it does not answer.
  probe() {
    const { socket, heard } = this;
    this.ask("ping").catch(() => {});
    setTimeout(() => {
      if (this.socket === socket && this.heard === heard) this.drop(socket);
    }, ANSWER_WITHIN);
  }

  drop(socket) {
    const closed = socket.onclose;
    socket.onclose = null;
    socket.close();
    this.wait = FIRST_WAIT;
    closed();
  }
}
