// The page: opens the bank's widget with a public token, shows whom its result stands for, and orders the payout.
// The card or account number is in the bank's frame; this page gets a hash or token only.
"use strict";

const order = document.getElementById("order").dataset;
const place = (id) => document.getElementById(id);
const LOOK_EVERY_MS = 500;
const FINAL = {
  succeeded: "Paid.",
  failed: "The bank could not pay this. Ask us what to do next.",
  cancelled: "The payout was cancelled. Ask us what to do next.",
  rejected: "The payout was not started. Ask us what to do next.",
};

let result = null;

// The one thing to replace for the bank's own widget: puts it into `container`, and calls `onResult` with what it
// gives back, { number_hash } for a card and { token } for an account, or with { error }.
function mountWidget(container, publicToken, onResult) {
  const widget = new BankSimTokenize({ publicToken, kind: order.kind, container });
  const frame = widget.render();
  window.addEventListener("message", function take({ source, origin, data }) {
    if (!frame.isConnected) return window.removeEventListener("message", take);
    // From the bank's frame and from nobody else.
    if (source !== frame.contentWindow || origin !== BankSimTokenize.ORIGIN) return;
    const { status, number_hash, token, error } = data;
    if (status === "success") onResult(number_hash === undefined ? { token } : { number_hash });
    else onResult({ error });
  });
}

async function send(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ order: order.order, ...body }),
  });
  return read(answer);
}

async function read(answer) {
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error);
  return value;
}

// Runs something that may fail; says so, and calls `otherwise`.
async function attempt(work, otherwise = () => {}) {
  place("error").textContent = "";
  try {
    await work();
  } catch (error) {
    otherwise();
    place("error").textContent = error.message;
  }
}

function show(section) {
  for (const id of ["enter", "check"]) place(id).hidden = id !== section;
}

// A public token is good once, so each form has its own.
function enter() {
  result = null;
  show("enter");
  return attempt(async () => {
    const { public_token } = await send("/widget-token");
    mountWidget(place("widget"), public_token, async (given) => {
      if (given.error === undefined) return attempt(() => check(given), enter);
      // The public token may be used up or too old: the next form has one of its own.
      await enter();
      place("error").textContent = given.error;
    });
  });
}

async function check(given) {
  result = given;
  place("recipient").textContent = inWords(await send("/recipient", given));
  show("check");
}

function inWords({ type, brand, first5, last4 }) {
  if (type === "card") return `${(brand ?? "card").toUpperCase()} •••• ${last4}`;
  return `Account ${first5 ?? ""}…${last4 ?? ""}`;
}

function pay() {
  place("pay").disabled = place("again").disabled = true;
  attempt(
    async () => {
      await send("/payout", result);
      show(null);
      await follow();
    },
    // Sending again is safe: the order is paid once, and another recipient than its first is refused.
    () => { place("pay").disabled = place("again").disabled = false; },
  );
}

// Until it has ended. What fails once is asked again.
function follow() {
  const later = () => setTimeout(follow, LOOK_EVERY_MS);
  return attempt(async () => {
    const { state } = await read(await fetch(`/payout?order=${encodeURIComponent(order.order)}`));
    place("state").dataset.state = state;
    place("state").textContent = FINAL[state] ?? "The payout is on its way…";
    if (!(state in FINAL)) later();
  }, later);
}

place("pay").addEventListener("click", pay);
place("again").addEventListener("click", enter);

// An order that has its payout already is only followed.
attempt(async () => {
  const { state } = await read(await fetch(`/payout?order=${encodeURIComponent(order.order)}`));
  if (state === "none") return enter();
  show(null);
  return follow();
});
