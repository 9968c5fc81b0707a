"use strict";
// Sort, filter and point at the jobs of a sweep. The page says everything without it.
(() => {
  const table = document.querySelector("table.jobs");
  const bodies = [...table.tBodies];
  const marks = [...document.querySelectorAll("svg [data-job]")];
  const told = document.getElementById("told");
  const tools = document.getElementById("tools");
  const text = new Map(marks.map((mark) => [mark, mark.querySelector("title").textContent]));
  const words = document.getElementById("words");
  tools.hidden = false;

  // Sorting: a heading becomes a button; jobs without a figure stay last.
  const key = (body, column) => body.rows[0].cells[column].dataset.value ?? "";
  const compare = (a, b) => (isNaN(a) || isNaN(b) ? a.localeCompare(b, "en") : a - b);
  const sort = (heading) => {
    const falling = heading.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
    const column = heading.cellIndex;
    const [known, unknown] = [true, false].map((has) => bodies.filter((one) => (key(one, column) !== "") === has));
    known.sort((a, b) => compare(key(a, column), key(b, column)) * (falling ? -1 : 1));
    table.append(...known, ...unknown);
  };
  for (const heading of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sort(heading));
    heading.append(button);
  }

  // Filtering: every word must be in a job's overrides or status; what is left out of the table fades in the charts.
  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = new Set();
    for (const body of bodies) {
      body.hidden = !wanted.every((word) => body.dataset.words.toLowerCase().includes(word));
      if (!body.hidden) kept.add(body.dataset.job);
    }
    for (const mark of marks) mark.classList.toggle("faded", !kept.has(mark.dataset.job));
    told.textContent = `${kept.size} of ${bodies.length} jobs`;
  };
  words.addEventListener("input", filter);
  filter();

  // Pointing: what a job is stands beside the pointer, and the job is marked wherever it is drawn.
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true"); // the mark's own label says the same
  document.body.append(tip);
  const everywhere = [...marks, ...bodies];
  const point = (job) => {
    for (const one of everywhere) one.classList.toggle("pointed", one.dataset.job === job);
  };
  const show = (mark, x, y) => {
    tip.textContent = text.get(mark);
    tip.hidden = false;
    const left = Math.min(x + 14, innerWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(8, left) + scrollX}px`;
    tip.style.top = `${y + 18 + scrollY}px`;
    point(mark.dataset.job);
  };
  const hide = () => {
    tip.hidden = true;
    point("");
  };
  for (const mark of marks) {
    mark.setAttribute("aria-label", text.get(mark));
    mark.querySelector("title").remove(); // or the browser would show it, too
    mark.addEventListener("pointermove", (event) => show(mark, event.clientX, event.clientY));
    mark.addEventListener("pointerleave", hide);
    mark.addEventListener("focusin", () => {
      const box = mark.getBoundingClientRect();
      show(mark, box.right, box.bottom);
    });
    mark.addEventListener("focusout", hide);
  }
  for (const body of bodies) {
    body.addEventListener("pointerenter", () => point(body.dataset.job));
    body.addEventListener("pointerleave", () => point(""));
  }
  addEventListener("keydown", (event) => event.key === "Escape" && hide());
})();
