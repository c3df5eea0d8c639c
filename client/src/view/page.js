"use strict";
(() => {
  const root = document.documentElement;
  const drawing = document.querySelector("svg.ladder");
  if (!points.length || !drawing) return;
  root.classList.add("js");
  const places = new Map(points.map((point, place) => [point.id, place]));
  const rows = new Map();
  for (const row of drawing.querySelectorAll("g.row")) {
    const ids = row.dataset.events.split(" ");
    for (const id of ids) if (!rows.has(id)) rows.set(id, row);
    row.addEventListener("click", () => {
      if (!String(getSelection())) go(places.get(ids[0]));
    });
  }
  // What is not drawn itself stands where its cause is.
  const rowOf = (id) => {
    while (id && !rows.has(id)) id = points[places.get(id)].cause;
    return rows.get(id);
  };
  const circle = (name) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    made.setAttribute("class", name);
    made.setAttribute("r", "9");
    drawing.append(made);
    return made;
  };
  const cause = circle("cause");
  const cursor = circle("cursor");
  const put = (mark, point) => {
    mark.style.display = point && point.shown ? "" : "none";
    if (!point) return;
    mark.setAttribute("cx", point.x);
    mark.setAttribute("cy", point.y);
  };
  let current = -1;
  const show = (place, scroll) => {
    if (place === undefined || place === current) return;
    if (current >= 0) {
      document.getElementById(points[current].id).classList.remove("current");
      rowOf(points[current].id)?.classList.remove("current");
    }
    current = place;
    const point = points[place];
    document.getElementById(point.id).classList.add("current");
    rowOf(point.id)?.classList.add("current");
    put(cursor, point);
    put(cause, points[places.get(point.cause)]);
    document.getElementById("count").textContent = `${place + 1} of ${points.length}`;
    for (const name of ["first", "previous"]) document.getElementById(name).disabled = place === 0;
    for (const name of ["next", "last"]) document.getElementById(name).disabled = place === points.length - 1;
    if (!scroll) return;
    const box = cursor.getBoundingClientRect();
    if (box.top < 60 || box.bottom > innerHeight - 60) {
      scrollTo({ top: scrollY + box.top - innerHeight / 3 });
    }
  };
  const go = (place) => {
    if (place === undefined) return;
    const bound = Math.max(0, Math.min(points.length - 1, place));
    // The address names the event, so that it can be sent to somebody; stepping makes no history.
    try { history.replaceState(null, "", `#${points[bound].id}`); } catch { /* Some browsers forbid it for files. */ }
    show(bound, true);
  };
  const steps = { first: () => 0, previous: () => current - 1, next: () => current + 1, last: () => points.length - 1 };
  for (const [name, step] of Object.entries(steps)) {
    document.getElementById(name).addEventListener("click", () => go(step()));
  }
  const keys = {
    ArrowRight: "next", ArrowDown: "next", j: "next",
    ArrowLeft: "previous", ArrowUp: "previous", k: "previous",
    Home: "first", End: "last",
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "c") return go(places.get(points[current].cause));
    const step = keys[event.key];
    if (!step) return;
    event.preventDefault();
    go(steps[step]());
  });
  const named = () => places.get(decodeURIComponent(location.hash.slice(1)));
  addEventListener("hashchange", () => show(named(), true));
  const start = named();
  // Of a drawing that begins later, its first event.
  show(start ?? Math.max(0, points.findIndex((point) => point.shown)), start !== undefined);
})();
