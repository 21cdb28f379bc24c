"use strict";

/** The page itself: choosing a recording, filtering the overview, the keyboard. */
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const panel = document.getElementById("recording");
  const chosen = document.getElementById("chosen");
  const course = document.getElementById("course");
  const overview = document.getElementById("overview");

  function element(name, className = "", text = "") {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.textContent = text;
    return made;
  }

  function findingDetails(finding) {
    const texts = data.codes[finding.code];
    const details = element("details", "finding");
    const summary = element("summary");
    summary.append(
      element("span", `badge ${finding.severity}`, finding.severity),
      element("span", "what", finding.found),
    );
    details.append(summary, element("p", "", `${texts.title} (${finding.code}).`));
    if (finding.where) details.append(element("p", "source", finding.where));
    details.append(element("p", "", texts.meaning));
    details.append(element("p", "", `What to do: ${finding.remedy ?? texts.remedy}.`));
    return details;
  }

  function inDigits(value) {
    if (value === null) return "–";
    const places = Number.isInteger(value) ? {} : { maximumSignificantDigits: 5 };
    return value.toLocaleString("en-US", places);
  }

  function measurementList(measurements) {
    const list = element("dl", "measurements");
    for (const [name, value] of Object.entries(measurements)) {
      const row = element("div");
      row.append(
        element("dt", "", name.replaceAll("_", " ")),
        element("dd", "", inDigits(value)),
      );
      list.append(row);
    }
    return list;
  }

  async function show(position) {
    const one = data.recordings[position];
    for (const cell of document.querySelectorAll("button.cell")) {
      const current = Number(cell.dataset.recording) === position;
      cell.setAttribute("aria-current", String(current));
    }
    chosen.replaceChildren(
      element("h2", "", one.name),
      element("span", `badge ${one.verdict}`, data.words[one.verdict]),
    );
    const findings = element("div", "of-recording");
    findings.append(...one.findings.map(findingDetails));
    if (!one.findings.length) findings.append(element("p", "hint", "Nothing was found."));
    const plots = element("div", "plots");
    course.replaceChildren(
      element("p", "source", one.source),
      findings,
      plots,
      measurementList(one.measurements),
    );
    panel.scrollTop = 0;
    if (!one.trace) {
      plots.className = "hint";
      plots.textContent =
        "There is nothing to draw here: the recording could not be read, or the page holds the " +
        "worst of very many. vpnet check of this recording alone shows what there is.";
      return;
    }
    try {
      await drawTrace(plots, one.trace);
    } catch (error) {
      plots.className = "hint";
      plots.textContent = `The plots cannot be drawn: ${error.message}`;
      return;
    }
    plots.setAttribute("role", "img");
    plots.setAttribute("aria-label", `Head, gaze, eyes and face of ${one.name} over time`);
  }

  let chosenFrom = null;

  function choose(button) {
    chosenFrom = button;
    show(Number(button.dataset.recording));
    panel.focus({ preventScroll: true });
    const inOneColumn = getComputedStyle(panel).position === "static";
    if (inOneColumn) panel.scrollIntoView();
  }

  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") chosenFrom?.focus();
  });

  /** Only one code is open at a time; the overview shows what it concerns. */
  function filterBy(details) {
    const texts = data.codes[details.dataset.code];
    const list = details.querySelector("ul.concerned");
    if (!list.childElementCount) {
      for (const position of texts.recordings) {
        const one = data.recordings[position];
        const item = element("li");
        const button = element("button", "", one.name);
        button.type = "button";
        button.dataset.recording = position;
        const found = one.findings.find((finding) => finding.code === details.dataset.code).found;
        item.append(button, `: ${found}`);
        list.append(item);
      }
    }
    for (const other of document.querySelectorAll("details.code[open]")) {
      if (other !== details) other.open = false;
    }
    const concerned = new Set(texts.recordings);
    for (const cell of document.querySelectorAll("button.cell")) {
      cell.classList.toggle("concerned", concerned.has(Number(cell.dataset.recording)));
    }
    overview.classList.toggle("filtered", concerned.size > 0);
    document.getElementById("filter").textContent = concerned.size
      ? `Shown: ${concerned.size} with "${texts.title}".`
      : "";
  }

  function showAll() {
    overview.classList.remove("filtered");
    document.getElementById("filter").textContent = "";
  }

  for (const details of document.querySelectorAll("details.code")) {
    details.addEventListener("toggle", () => {
      if (details.open) filterBy(details);
      else if (!document.querySelector("details.code[open]")) showAll();
    });
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-recording]");
    if (button) choose(button);
  });

  /** The overview is one stop of the tab key; arrows move inside. */
  const cells = [...overview.querySelectorAll("button.cell")];
  cells.forEach((cell, number) => { cell.tabIndex = number ? -1 : 0; });
  overview.addEventListener("focusin", (event) => {
    for (const cell of cells) cell.tabIndex = cell === event.target ? 0 : -1;
  });

  function neighbour(cell, key) {
    const box = cell.getBoundingClientRect();
    const across = key === "ArrowLeft" || key === "ArrowRight";
    const sign = key === "ArrowRight" || key === "ArrowDown" ? 1 : -1;
    const ahead = (other) => {
      const its = other.getBoundingClientRect();
      return sign * (across ? its.left - box.left : its.top - box.top);
    };
    const aside = (other) => {
      const its = other.getBoundingClientRect();
      return Math.abs(across ? its.top - box.top : its.left - box.left);
    };
    return cells
      .filter((other) => ahead(other) > 1 && aside(other) < box.height / 2)
      .sort((one, other) => ahead(one) - ahead(other))[0];
  }

  overview.addEventListener("keydown", (event) => {
    const cell = event.target.closest("button.cell");
    if (!cell || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    neighbour(cell, event.key)?.focus();
  });

  // After the first paint: plotly takes a second to start.
  requestAnimationFrame(() => setTimeout(() => {
    if (!chosenFrom && data.first !== null) show(data.first);
  }));
})();
