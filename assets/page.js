// The page's behaviour in the browser. Runs once, when the reader (`element`) is there; `trigger`
// sends an event to the callbacks in app.py, `watch` tells when the reader has new content.

const root = document.documentElement;
const stored = "opcit-language";
const browserLanguage = (navigator.language || "fr").startsWith("fr") ? "fr" : "en";
const shelf = { search: "", after: "", before: "" }; // what the form above the list holds
const chosen = new Set(); // the documents that questions are limited to; none means all
let asked = library(); // what the reader shows or was last asked for
let brought = asked; // what the last answer brought
let opener = null; // the chip to go back to when the document is closed
let sent = 0; // the number of the last request
let opened = 0; // the number of the last request to open something; its reply carries it
let shown = 0; // the number of the last reply that was shown
let conversation = 0; // the number of the conversation
let purpose = ""; // "focus" when a person opened it, to read on there; "" for a list, or a language

const isPlace = (link) => /^#(cite|near)=/.test(link);
const isPhone = () => matchMedia("(max-width: 768px)").matches;

function library() {
  return { link: "#library", group: [], ...shelf };
}

// A browser that is to keep nothing refuses even to be asked.
function memory(use) {
  try {
    return use(localStorage);
  } catch {
    return null;
  }
}

// Requests are numbered, for they may arrive in another order.
function send(event, what) {
  sent += 1;
  trigger(event, { ...what, serial: sent, conversation, language: root.lang });
  return sent;
}

// -- opening ----------------------------------------------------------------------------------

function open(request, how) {
  asked = request;
  purpose = how;
  opened = send("open", request);
}

function linksBeside(anchor) {
  const group = anchor.closest(".cites");
  const links = group ? [...group.querySelectorAll("a.cite")] : [anchor];
  return [...new Set(links.map((link) => link.getAttribute("href")))];
}

function follow(anchor) {
  const link = anchor.getAttribute("href");
  const request = isPlace(link) ? { link, group: linksBeside(anchor) } : library();
  if (!element.contains(anchor)) opener = anchor;
  history.pushState(request, "", link);
  if (JSON.stringify(request) !== JSON.stringify(asked)) return open(request, "focus");
  // It is open already, or on its way.
  purpose = "focus";
  if (shown === opened) show(purpose);
}

// What the address names, as it was opened before (`request`) or without others beside it.
function openAddress(request) {
  const link = location.hash;
  if (isPlace(link)) open(request ?? { link, group: [link] }, "focus");
  else if (link || !isPlace(brought.link)) open(library(), link && request ? "focus" : "");
  else open(brought, "");
}

function show(how) {
  const mark = element.querySelector("mark.cited, mark.passage");
  const pane = scroller();
  if (mark && mark.textContent) {
    const top = mark.getBoundingClientRect().top - pane.getBoundingClientRect().top;
    const place = pane.scrollTop + top;
    // A passage near the beginning is shown with the title; another in the upper third.
    pane.scrollTop = place < pane.clientHeight * 0.6 ? 0 : place - pane.clientHeight / 3;
  } else {
    pane.scrollTop = 0;
  }
  if (how !== "focus") return;
  root.classList.add("reading");
  const target = mark && mark.textContent ? mark : element.querySelector("h2, .refusal");
  target?.setAttribute("tabindex", "-1");
  target?.focus({ preventScroll: true });
}

const scroller = () => element.closest("#source");

function close() {
  root.classList.remove("reading");
  (opener?.isConnected ? opener : document.querySelector("#question textarea"))?.focus();
}

// -- library ----------------------------------------------------------------------------------

let typing = 0;

function search(input) {
  shelf[input.name] = input.value;
  clearTimeout(typing);
  typing = setTimeout(() => open(library(), ""), 150); // once for a word, not for each letter
  if (input.type === "date") limit();
}

function choose(box) {
  if (box.checked) chosen.add(box.value);
  else chosen.delete(box.value);
  limit();
}

const limits = () => ({ documents: [...chosen], after: shelf.after, before: shelf.before });

function limit() {
  send("limit", limits());
}

function askAll() {
  chosen.clear();
  shelf.after = shelf.before = "";
  limit();
  fillForms();
  if (asked.link === "#library") open(library(), "");
  document.querySelector("#question textarea").focus();
}

// Gradio draws the forms again in the other language or with other documents, and empty.
function fillForms() {
  for (const input of document.querySelectorAll("#shelf input")) {
    if (input.value !== shelf[input.name]) input.value = shelf[input.name];
  }
  for (const box of element.querySelectorAll("input.choose")) box.checked = chosen.has(box.value);
}

// -- language ---------------------------------------------------------------------------------

function speak(language) {
  root.lang = language;
  send("speak", {});
  limit();
}

// -- conversation -----------------------------------------------------------------------------

const waiting = []; // questions, each until the one before is answered
let answering = null; // the conversation of the question that is being answered
let questions = 0; // those in view

function ask(question) {
  if (question.trim()) waiting.push({ question: question.trim(), ...limits() });
  askNext();
}

function askNext() {
  if (answering !== null || !waiting.length) return;
  answering = conversation;
  send("ask", waiting.shift());
}

function begin() {
  conversation += 1;
  waiting.length = 0;
  judged.clear();
  send("begin", {});
  document.querySelector("#question textarea").focus();
}

function followConversation() {
  document.querySelector("#chat [role=log]")?.setAttribute("aria-label", "Conversation");
  // Gradio names each message with its HTML, which a screen reader would spell out.
  for (const message of document.querySelectorAll("#chat [data-testid][aria-label]")) {
    message.removeAttribute("aria-label");
  }
  const rows = document.querySelectorAll("#chat .user-row");
  if (rows.length === questions) return;
  questions = rows.length;
  root.classList.remove("reading");
  // The question goes to the top, so that its answer is read from its beginning.
  rows[questions - 1]?.scrollIntoView({ block: "start" });
}

// Gradio draws each part when it likes, so what it draws is followed from above all of them.
new MutationObserver(() => {
  followConversation();
  showJudgements();
  fillForms();
}).observe(element.closest(".gradio-container"), {
  childList: true,
  subtree: true,
  characterData: true,
});

// -- what one can do with an answer --------------------------------------------------------------

const judged = new Map(); // the number of an answer -> whether it was called useful
let copying = {}; // the button whose answer is on its way to the clipboard, and the request for it

const replies = () => [...document.querySelectorAll("#chat :is(.answer, .abstention)")];

function deed(button) {
  const at = replies().indexOf(button.closest(".answer, .abstention"));
  if (button.matches(".copy")) {
    copying = { button, serial: send("copy_answer", { at, address: location.origin }) };
    return;
  }
  judged.set(at, button.matches(".up"));
  showJudgements();
  send("rate", { at, good: judged.get(at) });
}

function showJudgements() {
  for (const [at, reply] of replies().entries()) {
    for (const button of reply.querySelectorAll(".up, .down")) {
      const pressed = judged.has(at) && judged.get(at) === button.matches(".up");
      button.classList.toggle("chosen", pressed);
      button.setAttribute("aria-pressed", pressed);
    }
  }
}

// Whether it worked. Over plain http browsers offer the second way only.
async function copy(words) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(words);
    return true;
  }
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.value = words;
  area.readOnly = true;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  focused?.focus({ preventScroll: true });
  return copied;
}

window.opcit = {
  ask(question) {
    ask(question);
    return ""; // to the question box
  },
  answered() {
    // What ended a conversation may have been shown after the next one was begun.
    if (answering !== conversation) send("begin", {});
    answering = null;
    askNext();
  },
  listed() {
    // Documents were added or removed here.
    if (asked.link === "#library") open(library(), "");
  },
  async copied(reply) {
    const { serial, markdown } = JSON.parse(reply || "{}");
    const { button, serial: last } = copying;
    if (serial !== last || !(await copy(markdown))) return;
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 2000);
  },
  save(markdown) {
    const file = document.createElement("a");
    file.href = URL.createObjectURL(new Blob([markdown], { type: "text/markdown" }));
    file.download = "opcit.md";
    file.click();
    URL.revokeObjectURL(file.href);
  },
};

// -- events -----------------------------------------------------------------------------------

document.addEventListener("click", async (event) => {
  const at = event.target instanceof Element ? event.target : null;
  const anchor = at?.closest("a.cite, a.all, a.name");
  if (anchor) {
    event.preventDefault();
    if (anchor.matches(".name")) return close();
    return follow(anchor);
  }
  const button = at?.closest("button");
  if (!button) return;
  if (button.matches(".example")) ask(button.textContent);
  if (button.matches(".close")) close();
  if (button.matches(".ask-all")) askAll();
  if (button.matches(".remove")) {
    button.disabled = true; // until the list is drawn again
    chosen.delete(button.value);
    limit();
    send("remove", { document: button.value });
  }
  if (button.matches(".whole")) open({ ...asked, whole: true }, "focus");
  if (button.matches(".step")) step(Number(button.value));
  if (button.matches(".language")) {
    memory((kept) => kept.setItem(stored, button.value));
    speak(button.value);
    open({ ...asked }, "");
  }
  if (button.matches(".deed")) deed(button);
  if (button.matches("#export")) send("export_all", { address: location.origin });
  if (button.matches("#again")) begin();
  if (button.matches(".copy-link")) {
    if (!(await copy(new URL(button.value, location).href))) return;
    const before = button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => (button.textContent = before), 2000);
  }
});

document.addEventListener("input", (event) => {
  if (event.target.closest("#shelf")) search(event.target);
  if (event.target.matches("input.choose")) choose(event.target);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && root.classList.contains("reading")) close();
});

window.addEventListener("popstate", (event) => {
  if (!location.hash && isPhone()) close();
  else openAddress(event.state);
});

function step(by) {
  const chips = [...element.querySelectorAll(".steps a.cite")];
  const here = chips.findIndex((chip) => chip.getAttribute("aria-current"));
  follow(chips[(here + by + chips.length) % chips.length]);
}

watch("value", () => {
  fillForms();
  root.classList.remove("opcit-loading");
  const reply = element.querySelector("[data-serial]");
  if (reply) {
    // A reply that was overtaken is followed by the one that was asked for last.
    if (Number(reply.dataset.serial) !== opened) return;
    shown = opened;
    return show(purpose);
  }
  // An answer brought this: the passage is shown, the cursor stays in the question box. But who
  // opened something meanwhile is about to get that.
  if (shown !== opened) return;
  const current = element.querySelector(".steps a[aria-current], .steps a");
  asked = current
    ? { link: current.getAttribute("href"), group: linksBeside(current) }
    : library();
  brought = asked;
  show("");
  // The list that comes with an abstention is the whole one, whatever is searched for.
  if (!current && (shelf.search || shelf.after || shelf.before)) open(asked, "");
});

speak(memory((kept) => kept.getItem(stored)) || browserLanguage);
openAddress(null);
