"use strict";
// Copy what stands in a box. The page says everything without it.
(() => {
  const told = document.getElementById("copied");
  const select = (text) => {
    const range = document.createRange();
    range.selectNodeContents(text);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };
  // Browsers without a clipboard for files on the disk copy what is selected.
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text.textContent);
      return true;
    } catch {
      select(text);
      return document.execCommand("copy");
    }
  };
  for (const button of document.querySelectorAll("button.copy")) {
    const text = button.parentElement.querySelector("pre");
    button.hidden = false;
    button.addEventListener("click", async () => {
      const done = await copy(text);
      told.textContent = done ? "Copied." : "The browser does not let this page copy; the text is selected.";
      button.textContent = done ? "copied" : "selected";
      setTimeout(() => {
        button.textContent = "copy";
        told.textContent = "";
      }, 2000);
    });
  }
})();
