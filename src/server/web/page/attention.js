// Telling somebody who looks elsewhere: notifications, a bell, and the number on the icon of an installed page.
import { openDialog } from "./dialogs.js";
import { model, on } from "./here.js";
import { wishes } from "./keep.js";
import { el } from "./view.js";

let sound = null;

// Somebody wrote to this person, who does not look.
export function attract(conversation, line) {
  const { notes, bell } = wishes.get();
  if (bell) ring();
  if (!notes || !document.hidden || !("Notification" in window) || Notification.permission !== "granted") return;
  const title = conversation.isRoom ? `${line.author} in ${conversation.target}` : line.author;
  const options = { body: line.text.slice(0, 200), tag: conversation.target, icon: "/icon-192.png", data: conversation.target };
  notify(title, options, conversation).catch(() => {});
}

// On a phone only the service worker may; where there is none, as under a certificate that nobody vouches for, the page.
async function notify(title, options, conversation) {
  if (await navigator.serviceWorker?.getRegistration()) {
    // One that was only just installed is about to work.
    const worker = await navigator.serviceWorker.ready;
    return worker.showNotification(title, options);
  }
  const note = new Notification(title, options);
  note.onclick = () => {
    window.focus();
    on.open(conversation);
  };
}

navigator.serviceWorker?.addEventListener("message", ({ data }) => model.has(data.open) && on.open(model.get(data.open)));

// Two short tones.
function ring() {
  try {
    sound ??= new AudioContext();
    for (const [nth, pitch] of [660, 880].entries()) {
      const tone = new OscillatorNode(sound, { frequency: pitch });
      const begins = sound.currentTime + nth * 0.12;
      const loudness = new GainNode(sound, { gain: 0 });
      loudness.gain.setValueAtTime(0.12, begins);
      loudness.gain.exponentialRampToValueAtTime(0.001, begins + 0.25);
      tone.connect(loudness).connect(sound.destination);
      tone.start(begins);
      tone.stop(begins + 0.3);
    }
  } catch {
    // No sound, then.
  }
}

export function showNews(news) {
  const done = news > 0 ? navigator.setAppBadge?.(news) : navigator.clearAppBadge?.();
  done?.catch(() => {});
}

// Asks how one wants to be told.
export async function askHow() {
  const wish = wishes.get();
  const can = "Notification" in window;
  const isOn = can && wish.notes && Notification.permission === "granted";
  const notes = el("input", { type: "checkbox", id: "notes", checked: isOn, disabled: !can || Notification.permission === "denied" });
  const bell = el("input", { type: "checkbox", id: "bell", checked: wish.bell, onchange: () => bell.checked && ring() });
  const content = [
    el("label", { class: "tick" }, notes, "Show a notification"),
    el("label", { class: "tick" }, bell, "Ring a bell"),
  ];
  if (can && Notification.permission === "denied") content.splice(1, 0, el("p", { class: "small" }, "This browser was told to show none from here. Its settings for this site can change that."));
  const answer = await openDialog("When somebody mentions you or writes to you", content, [["ok", "OK", true], ["", "Cancel"]]);
  if (answer !== "ok") return;
  if (notes.checked && Notification.permission === "default") await Notification.requestPermission();
  wishes.set({ notes: notes.disabled ? wish.notes : notes.checked, bell: bell.checked });
}
