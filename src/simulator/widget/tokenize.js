// The stand-in of the bank's tokenization widget, for the page that embeds it.
//
//   const widget = new BankSimTokenize({ publicToken, kind: "card" | "account", container });
//   widget.render();
//   window.addEventListener("message", …)  // see below
//
// The form is in a frame of the bank's origin. When the person has entered a number, the page's window gets a message
// { source: "bank-sim-tokenize", status: "success", kind, number_hash | token } or { …, status: "error", error }.
// The bank's own widget has another interface.
"use strict";

(() => {
  const origin = new URL(document.currentScript.src).origin;

  class BankSimTokenize {
    static ORIGIN = origin;

    constructor({ publicToken, kind, container }) {
      this.setup = { publicToken, kind };
      this.container = container;
    }

    render() {
      const frame = document.createElement("iframe");
      frame.src = `${origin}/widget/form`;
      frame.title = this.setup.kind === "card" ? "Card number" : "Account number";
      frame.style.width = "100%";
      frame.style.height = "135px";
      frame.style.border = "0";
      // The token goes to the bank's frame only, and not through an address that is logged.
      frame.addEventListener("load", () => frame.contentWindow.postMessage(this.setup, origin));
      this.container.replaceChildren(frame);
      return frame;
    }
  }

  window.BankSimTokenize = BankSimTokenize;
})();
