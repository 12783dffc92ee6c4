// The form in the frame: takes what the page set up, checks the number, exchanges it for a hash or token, and tells
// the page that embeds it, and nobody else.
"use strict";

const form = document.getElementById("form");
const input = document.getElementById("number");
const button = document.getElementById("done");
const error = document.getElementById("error");

let page = null;
let setup = null;

const KINDS = {
  card: {
    label: "Card number",
    wrong: "This is no card number: look at its digits again",
    groups: /(\d{4})(?=\d)/g,
    digitsMax: 19,
    isRight: (digits) => /^\d{12,19}$/.test(digits) && passesLuhn(digits),
  },
  account: {
    label: "Account number (20 digits)",
    wrong: "An account number has 20 digits",
    groups: /(\d{5})(?=\d)/g,
    digitsMax: 20,
    isRight: (digits) => /^\d{20}$/.test(digits),
  },
};

function passesLuhn(digits) {
  const sum = [...digits].reverse().reduce((sum, digit, n) => {
    const value = n % 2 === 0 ? Number(digit) : 2 * Number(digit);
    return sum + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

// The page that embeds this frame sets it up, once.
window.addEventListener("message", ({ source, origin, data }) => {
  if (source !== window.parent || setup !== null || !Object.hasOwn(KINDS, data?.kind)) return;
  page = { window: source, origin };
  setup = { ...KINDS[data.kind], kind: data.kind, publicToken: data.publicToken };
  document.getElementById("label").textContent = setup.label;
  input.disabled = button.disabled = false;
});

input.addEventListener("input", () => {
  const digits = input.value.replace(/\D/g, "").slice(0, setup.digitsMax);
  input.value = digits.replace(setup.groups, "$1 ");
  complain("");
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const number = input.value.replace(/\D/g, "");
  if (!setup.isRight(number)) {
    complain(setup.wrong);
    input.focus();
    return;
  }
  input.disabled = button.disabled = true;
  try {
    const answer = await fetch("/widget/tokenize", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ public_token: setup.publicToken, kind: setup.kind, number }),
    });
    const body = await answer.json();
    if (answer.ok) {
      input.value = "";
      tell({ status: "success", ...body });
    } else {
      fail(body.error);
    }
  } catch {
    fail("The bank cannot be reached");
  }
});

// The form can be used again; whether its public token can, the page does not know, and may mount another.
function fail(text) {
  input.disabled = button.disabled = false;
  complain(text);
  tell({ status: "error", error: text });
}

function complain(text) {
  error.textContent = text;
  input.setAttribute("aria-invalid", text !== "");
}

function tell(result) {
  page.window.postMessage({ source: "bank-sim-tokenize", kind: setup.kind, ...result }, page.origin);
}
